"""A config at another resolution or patch size."""

from mmengine.config import Config


def resized(
    cfg: Config, size: int | None = None, patch: int | None = None
) -> Config:
    """The same model and share of masked patches at other sizes.

    Args:
        cfg (Config): a pretraining config with square views.
        size (int, optional): height and width of a view in pixels.
            Defaults to None: the config's.
        patch (int, optional): patch size in pixels. Likewise.

    Raises:
        ValueError: if the view is no whole number of patches.
    """
    cfg = Config(cfg.to_dict())
    backbone = cfg.model.backbone
    old_grid = backbone.img_size // backbone.patch_size
    backbone.img_size = size or backbone.img_size
    backbone.patch_size = patch or backbone.patch_size
    grid, rest = divmod(backbone.img_size, backbone.patch_size)
    if rest:
        raise ValueError(
            f'views of {backbone.img_size} pixels are no whole number of '
            f'patches of {backbone.patch_size}'
        )
    pipeline = {
        step.type: step for step in cfg.train_dataloader.dataset.pipeline
    }
    pipeline['TwoViews'].size = backbone.img_size
    mask = pipeline['BlockMask']
    mask.num_masked = round(mask.num_masked / old_grid**2 * grid**2)
    mask.grid = grid
    return cfg
