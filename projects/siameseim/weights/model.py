"""A backbone, ready for features, from any checkpoint in one call."""

from pathlib import Path
from typing import Any

from torch import nn

from ..downstream.vitdet import SiameseIMViTDet
from ..layouts.normalisation import attach
from ..log import tell, warn
from ..models.vit import SiameseIMViT
from .plain_vit import PlainViT
from .reading import read_vit


def get_model(
    source: str | Path,
    branch: str | None = None,
    *,
    prefix: str | None = None,
    num_heads: int | None = None,
    img_size: int | tuple[int, int] | None = None,
    **kwargs: Any,
) -> SiameseIMViT:
    """Build the backbone of a checkpoint of any known layout.

    Args:
        source (str | Path): file, folder or address; see
            ``convert_checkpoint``.
        branch (str, optional): 'online' (the default) or 'target'.
        prefix (str, optional): of the backbone, for files with several.
        num_heads (int, optional): where the file does not tell it.
        img_size (int | tuple[int, int], optional): input size in pixels;
            other sizes work too. Defaults to None: as in the file.
        **kwargs: as for ``SiameseIMViT``. ``out_type`` is, unless given, the
            mean of the patch tokens (B, C), 'avg_featmap'; with a final norm
            and no pooling norm the cls token (B, C), 'cls_token', unless
            timm's ``config.json`` asks for the mean; for a ViTDet the map
            (B, C, H, W), 'featmap'.

    Returns:
        SiameseIMViT: in eval mode; called with (B, 3, height, width) images,
        normalised by the ``mean`` and ``std`` (of values in 0 to 255) of its
        attribute ``normalisation``, which are ImageNet's unless the file says
        otherwise, it returns a tuple with one output for each of
        ``out_indices``, by default the last block's.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is unsafe or no plain ViT.
    """
    size = (img_size, img_size) if isinstance(img_size, int) else img_size
    reading = read_vit(str(source), branch, prefix, num_heads, size)
    report = reading.report
    if report.lossy:
        raise ValueError(f'{source}: {"; ".join(report.lossy)}')
    vit = reading.vit
    if size is None and vit.tables:
        size = vit.trained_size
    model = build_backbone(
        vit if size is None else vit.resized(size), **kwargs
    )
    text = f'{report.source}: {report.model}; {"; ".join(report.notes)}'
    (warn if reading.doubtful else tell)(text)
    return model


def build_backbone(vit: PlainViT, **kwargs: Any) -> SiameseIMViT:
    """A backbone with these weights, in eval mode.

    Args:
        vit (PlainViT): positions on the grid of the wanted input size.
        **kwargs: see ``get_model``.
    """
    cfg = vit.settings
    tensors = vit.tensors
    model: SiameseIMViT
    if vit.tables:
        model = SiameseIMViTDet(**{**cfg, **kwargs})
        tensors = vit.without('cls_token', 'ln2.weight', 'ln2.bias').tensors
    else:
        cfg['out_type'] = 'cls_token' if vit.reads_cls else 'avg_featmap'
        model = SiameseIMViT(**{**cfg, **kwargs})
        if model.out_type != 'avg_featmap':
            tensors = vit.without('ln2.weight', 'ln2.bias').tensors
        elif not vit.pools:
            model.ln2 = nn.Identity()  # the stock class always norms the mean
    model.load_state_dict(dict(tensors))
    # a recognised formula or not, what the file's program does with other
    # sizes is what this model does
    model.stored_positions = vit.positions
    attach(model, vit.normalisation)
    return model.eval()
