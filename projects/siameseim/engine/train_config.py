"""Fits a pretraining config to this machine and command line.

Each function changes the config it is given; ``tools/train.py`` calls them in
the order in which they stand here.
"""

from pathlib import Path

import torch
from mmengine.config import Config

from ..datasets.data_source import data_source
from ..environment.hardware import usable_cores

LAST_CHECKPOINT = 'last_checkpoint'


def set_data(cfg: Config, path: str) -> None:
    """Train on other images, whatever data the config names.

    Args:
        cfg (Config): a pretraining config.
        path (str): any folder, in which images are found at any depth; a tar
            archive or a folder of them; or an LMDB.
    """
    cfg.train_dataloader.dataset.dataset = data_source(path)


def set_seed(cfg: Config, seed: int | None) -> None:
    """Give data, order and weights one seed.

    Args:
        cfg (Config): a pretraining config.
        seed (int, optional): a seed in place of ``cfg.randomness.seed``.
    """
    if seed is not None:
        cfg.randomness.seed = seed
    cfg.train_dataloader.dataset.seed = cfg.randomness.seed


def set_epochs(cfg: Config, epochs: int | None) -> None:
    """Train longer or shorter; the warm-up keeps its share of the run.

    Args:
        cfg (Config): a pretraining config.
        epochs (int, optional): in place of ``cfg.train_cfg.max_epochs``.

    Raises:
        ValueError: if there is no epoch to train, or only warm-up.
    """
    schedule, stated = cfg.param_scheduler, cfg.train_cfg.max_epochs
    if epochs is not None:
        if epochs < 1:
            raise ValueError(
                f'--epochs {epochs} trains nothing: give 1 or more'
            )
        schedule.warmup *= epochs / stated
        cfg.train_cfg.max_epochs = epochs
    elif schedule.warmup >= stated:
        raise ValueError(
            f'a warm-up of {schedule.warmup} epochs does not fit into a run '
            f'of train_cfg.max_epochs={stated}: shorten the run with '
            '--epochs, which shortens both, or set param_scheduler.warmup'
        )


def fit_loader(loader: Config, processes: int) -> None:
    """Use no more workers than cores, and pinned memory only with CUDA.

    Args:
        loader (Config): of a data loader, changed in place.
        processes (int): training processes that share this machine.
    """
    cores = usable_cores() // processes
    loader.num_workers = min(loader.num_workers, max(cores, 1))
    if loader.num_workers == 0:  # PyTorch refuses these without workers
        loader.persistent_workers = False
        loader.pop('prefetch_factor', None)
    if loader.get('pin_memory'):
        loader.pin_memory = torch.cuda.is_available()


def check_colours(cfg: Config) -> None:
    """Make sure that somebody makes the changes left to the device.

    Args:
        cfg (Config): a pretraining config of any method.

    Raises:
        ValueError: if the data preprocessor would leave them out.
    """
    steps = cfg.train_dataloader.dataset.get('pipeline', [])
    kind = (cfg.model.get('data_preprocessor') or {}).get('type')
    if any(step.get('on_device') for step in steps) and kind != (
        'ViewPreprocessor'
    ):
        raise ValueError(
            'ViewPhotometric(on_device=True) leaves colour changes to a '
            f'ViewPreprocessor, but model.data_preprocessor is a {kind}: '
            "set model.data_preprocessor.type='ViewPreprocessor', or "
            'on_device=False'
        )


def scale_learning_rate(cfg: Config, world_size: int) -> str:
    """Scale the learning rate linearly with the true global batch.

    The config states ``optim_wrapper.optimizer.lr`` for a global batch of
    ``auto_scale_lr.base_batch_size`` images. This is the only place that
    scales it; unlike mmengine's own it counts gradient accumulation.

    Args:
        cfg (Config): a pretraining config; does nothing if it has no
            ``auto_scale_lr`` or that is not enabled.
        world_size (int): number of training processes.

    Returns:
        str: what was done, for the log.
    """
    batch = cfg.train_dataloader.batch_size
    accumulation = cfg.optim_wrapper.get('accumulative_counts', 1)
    total = batch * world_size * accumulation
    text = (
        f'global batch {total} = {batch} images x {world_size} processes '
        f'x {accumulation} accumulated'
    )
    scaling = cfg.get('auto_scale_lr')
    if not scaling or not scaling.get('enable'):
        return text
    optimizer = cfg.optim_wrapper.optimizer
    stated = optimizer.lr
    optimizer.lr = stated * total / scaling.base_batch_size
    scaling.enable = False  # or mmengine would scale it once more
    return (
        f'{text}; learning rate {optimizer.lr:.3g} = {stated:.3g} x {total} '
        f'/ {scaling.base_batch_size}'
    )


def set_resume(cfg: Config, resume: str | None) -> str:
    """Decide where training starts.

    Args:
        cfg (Config): with ``work_dir``.
        resume (str, optional): None starts anew, 'auto' goes on from the
            last checkpoint in ``work_dir`` if there is one, else the path
            of a checkpoint.

    Returns:
        str: what was decided, for the log.

    Raises:
        FileNotFoundError: if a named checkpoint does not exist.
    """
    if resume is None and cfg.get('resume'):  # as mmengine has it
        resume = cfg.get('load_from') or 'auto'
    cfg.resume = False
    if resume is None:
        earlier = find_last_checkpoint(cfg.work_dir)
        if earlier is None:
            return 'starting from the beginning'
        return (
            f'starting from the beginning, although {earlier} of an earlier '
            'run lies there: stop and give --resume to go on from it, or '
            'another --work-dir to keep the two runs apart'
        )
    if '://' in resume:
        cfg.resume, cfg.load_from = True, resume
        return f'resuming from {resume}'
    checkpoint = (
        find_last_checkpoint(cfg.work_dir)
        if resume == 'auto'
        else Path(resume)
    )
    if checkpoint is None:
        return f'no checkpoint in {cfg.work_dir}: starting from the beginning'
    if not checkpoint.is_file():
        raise FileNotFoundError(
            f'checkpoint {checkpoint} does not exist: give an existing file, '
            'or --resume alone for the last one in the work directory'
        )
    cfg.resume = True
    cfg.load_from = str(checkpoint)
    return f'resuming from {checkpoint}'


def find_last_checkpoint(work_dir: str) -> Path | None:
    """The checkpoint saved last in a work directory, which may have moved."""
    pointer = Path(work_dir) / LAST_CHECKPOINT
    if not pointer.is_file():
        return None
    # Only the name: the folder may have been moved since.
    return Path(work_dir) / Path(pointer.read_text().strip()).name
