"""The linear-probe config, fitted to any backbone and data, and run."""

import math
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.runner import Runner
from mmpretrain.registry import MODELS

from ..launch.terse_runner import TerseRunner
from ..layouts.backbone_file import read_backbone
from ..layouts.normalisation import find_normalisation
from ..transfer import config as transfer
from ..transfer.loaders import loaders
from .features import short_side
from .frozen import checkpoint_of

_IMAGENET = 1_281_167  # training images


def probe_config(
    config: str,
    backbone: dict[str, Any],
    data: str,
    work_dir: Path,
    epochs: int | None = None,
    batch_size: int | None = None,
    num_workers: int | None = None,
) -> Config:
    """The config of a linear probe for one backbone and data set.

    Args:
        config (str): of configs/classification, for a linear probe.
        backbone (dict): from ``frozen.backbone_config``.
        data (str): as for ``transfer.classification.set_data``.
        work_dir (Path): where logs and the checkpoint go.
        epochs (int, optional): in place of the config's; warm-up and
            schedule shrink in proportion. Defaults to None.
        batch_size (int, optional): in place of the config's; ``run_probe``
            lets the learning rate follow. Defaults to None.
        num_workers (int, optional): loading processes, in place of the
            config's. Defaults to None.
    """
    cfg = Config.fromfile(config)
    _set_backbone(cfg, backbone)
    _set_size(cfg, cfg.model.backbone.img_size)
    if epochs:
        _set_epochs(cfg, epochs)
    if batch_size:
        cfg.train_dataloader.batch_size = batch_size
    if num_workers is not None:
        for loader in (cfg.train_dataloader, cfg.val_dataloader):
            loader.num_workers = num_workers
            loader.persistent_workers = num_workers > 0
    transfer.fit(cfg, data, processes=1)
    cfg.work_dir = str(work_dir)
    cfg.train_cfg.val_interval = cfg.train_cfg.max_epochs
    cfg.default_hooks.checkpoint.interval = cfg.train_cfg.max_epochs
    return cfg


def run_probe(
    cfg: Config, device: str | None = None
) -> tuple[float, str, str]:
    """Train the probe.

    Args:
        cfg (Config): from ``probe_config``.
        device (str, optional): defaults to None: a GPU if there is one.

    Returns:
        tuple[float, str, str]: top-1 accuracy in per cent after the last
        epoch, the checkpoint, and what to say of a probe that learned
        nothing; '' of others.

    Raises:
        ValueError: if there are fewer images than one batch.
    """
    cfg.experiment_name = Path(cfg.work_dir).name
    runner = TerseRunner.from_cfg(cfg)
    if len(runner.train_dataloader) == 0:
        raise ValueError(
            f'{len(runner.train_dataloader.dataset)} training images are '
            f'fewer than one batch of {cfg.train_dataloader.batch_size}: '
            'give a smaller batch size'
        )
    if device:
        runner.model.to(device)
    rate = probe_rate(cfg, len(runner.train_dataloader.dataset))
    runner.optim_wrapper['optimizer']['lr'] = rate
    runner.auto_scale_lr = None  # or mmengine would scale it once more
    runner.logger.info(f'learning rate of the probe: {rate:.3g}')
    runner.train()
    top1 = runner.message_hub.get_scalar('val/accuracy/top1').current()
    checkpoint = Path(cfg.work_dir) / f'epoch_{cfg.train_cfg.max_epochs}.pth'
    return float(top1), str(checkpoint), _failure(runner, top1)


def _failure(runner: Runner, top1: float) -> str:
    """What to say where neither accuracy nor loss is better than a guess's.

    The loss is that of the last epoch, before each of its steps.
    """
    losses = runner.message_hub.get_scalar('train/loss')
    loss = losses.mean(len(runner.train_dataloader))
    classes = runner.cfg.model.head.num_classes
    guess, chance = math.log(classes), 100 / classes
    if loss < guess or top1 - chance >= 0.05 * (100 - chance):
        return ''
    return (
        f'no better than chance: after {runner.iter} steps its loss is '
        f'{loss:.2f}, that of guessing {guess:.2f}; it needs more steps '
        '(--epochs, or a smaller --probe-batch) or a smaller rate'
    )


def probe_rate(cfg: Config, images: int) -> float:
    """Learning rate of the probe for batch and data.

    The config states it for a batch of ``auto_scale_lr.base_batch_size`` and
    ImageNet. LARS moves weights by a share of themselves, the rate, so the
    sum of the rates of an epoch is kept: the usual linear rule on ImageNet.
    On fewer images an epoch has fewer steps, for which the rate of that rule
    is far too small (measured: docs/classification.md); it grows until it is
    the stated one, or that of the rule if larger, but not beyond.

    Args:
        cfg (Config): from ``probe_config``.
        images (int): of the training set.
    """
    stated = cfg.optim_wrapper.optimizer.lr
    scaling = cfg.get('auto_scale_lr')
    if not scaling or not scaling.enable:
        return stated
    linear = cfg.train_dataloader.batch_size / scaling.base_batch_size
    return stated * min(linear * _IMAGENET / images, max(linear, 1))


def _set_backbone(cfg: Config, backbone: dict[str, Any]) -> None:
    """Put a backbone under the head, frozen and pooled as the probe wants."""
    ours = cfg.model.backbone
    kept = {k: ours[k] for k in ('out_type', 'frozen_stages')}
    cfg.model.backbone = {**backbone, **kept}
    built = MODELS.build(cfg.model.backbone)
    cfg.model.backbone.img_size = built.img_size
    cfg.model.neck.input_features = built.embed_dims
    cfg.model.head.in_channels = built.embed_dims
    if source := checkpoint_of(backbone):
        found = find_normalisation(read_backbone(source).extra)
        cfg.data_preprocessor.update(mean=found.mean, std=found.std)


def _set_size(cfg: Config, size: tuple[int, int]) -> None:
    """Let the transforms make images of a size, keeping their proportions."""
    if size[0] != size[1]:
        raise ValueError(
            f'the linear probe needs square images, but the backbone takes '
            f'{size[0]} x {size[1]}: give --image-size'
        )
    for loader in loaders(cfg).values():
        for step in loader.dataset.pipeline:
            if step.type == 'RandomResizedCrop':
                step.scale = size[0]
            elif step.type == 'ResizeEdge':
                step.scale = short_side(size)
            elif step.type == 'CenterCrop':
                step.crop_size = size[0]


def _set_epochs(cfg: Config, epochs: int) -> None:
    """Shorten or lengthen training, its warm-up in whole epochs."""
    warm_up, cosine = cfg.param_scheduler
    share = epochs / cfg.train_cfg.max_epochs
    warm = min(max(round(warm_up.end * share), 1), epochs - 1)
    warm_up.end = cosine.begin = warm
    cosine.end, cosine.T_max = epochs, epochs - warm
    cfg.param_scheduler = [warm_up, cosine] if warm else [cosine]
    cfg.train_cfg.max_epochs = epochs
