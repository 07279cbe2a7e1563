"""Stock parts and settings that a pretraining would not use as meant."""

import inspect
from collections.abc import Sequence
from typing import Any

from mmengine.config import Config
from mmengine.hooks import CheckpointHook, EarlyStoppingHook
from mmengine.optim import ReduceOnPlateauParamScheduler
from mmengine.registry import Registry
from mmengine.runner import IterBasedTrainLoop
from mmpretrain.registry import (
    DATASETS,
    HOOKS,
    LOOPS,
    MODELS,
    OPTIM_WRAPPERS,
    PARAM_SCHEDULERS,
)

from ..checkpoints import SafeCheckpointHook
from ..datasets import ViewPreprocessor
from ..errors import InputError, settings_of


def check_stock_parts(cfg: Config) -> None:
    """Refuse what a pretraining does not read, or would read wrongly.

    Raises:
        InputError: for a loop that counts iterations, a data preprocessor
            that is not the model's, swaps colours or leaves out those that
            were left to it, a data set in the place of the
            ``PretrainDataset``, a stock optimizer wrapper, or what waits for
            a validation loop where there is none.
    """
    _check_loop(cfg)
    _check_wrapper(cfg)
    _check_preprocessor(cfg)
    _check_colours(cfg)
    _check_dataset(cfg)
    if not cfg.get('val_dataloader'):
        _check_hooks(cfg)
        _check_schedules(cfg)


def _built(kind: Any, registry: Registry) -> Any:
    """What builds a part: its ``type`` is a name, or that already."""
    return registry.get(kind) if isinstance(kind, str) else kind


def _is_a(built: Any, parent: type) -> bool:
    return inspect.isclass(built) and issubclass(built, parent)


def _check_loop(cfg: Config) -> None:
    loop = cfg.train_cfg
    stock = _built(loop.get('type'), LOOPS) is IterBasedTrainLoop
    if stock or not loop.get('by_epoch', True):
        raise InputError(
            f'train_cfg={dict(loop)} of {cfg.filename} counts iterations, and '
            'pretraining is counted in epochs: leave out type, by_epoch and '
            'max_iters, and give train_cfg.max_epochs or --epochs'
        )


def _check_wrapper(cfg: Config) -> None:
    kind = cfg.optim_wrapper.get('type', 'OptimWrapper')
    built = _built(kind, OPTIM_WRAPPERS)
    if str(getattr(built, '__module__', '')).startswith('mmengine.'):
        raise InputError(
            f'optim_wrapper.type={kind!r} of {cfg.filename} does not tell '
            'hooks of windows and skipped steps: give AutocastOptimWrapper, '
            "with precision='bf16', 'fp32' or 'auto', or a subclass"
        )


def _preprocessor(cfg: Config) -> dict[str, Any]:
    used = cfg.model.get('data_preprocessor') or cfg.get('data_preprocessor')
    return used or {}


def _check_preprocessor(cfg: Config) -> None:
    """Those of a model come first; views are RGB, unlike stock images."""
    own = cfg.model.get('data_preprocessor') or {}
    for name, value in (cfg.get('data_preprocessor') or {}).items():
        if own and own.get(name) != value:
            raise InputError(
                f'data_preprocessor.{name}={value!r} of {cfg.filename} would '
                'change nothing, since the model has its own: give '
                'data_preprocessor=None, or set '
                f'model.data_preprocessor.{name}'
            )
    of_views = cfg.train_dataloader.dataset.get('type') == 'PretrainDataset'
    for name in ('to_rgb', 'bgr_to_rgb', 'rgb_to_bgr'):
        if of_views and _preprocessor(cfg).get(name):
            raise InputError(
                f'{name}=True of the data preprocessor of {cfg.filename} '
                'would swap red and blue of the views, which are RGB already: '
                'leave it out'
            )


def _check_colours(cfg: Config) -> None:
    """Make sure that somebody makes the changes left to the device."""
    steps = cfg.train_dataloader.dataset.get('pipeline', [])
    if not any(step.get('on_device') for step in steps):
        return
    kind = _preprocessor(cfg).get('type')
    if not _is_a(_built(kind, MODELS), ViewPreprocessor):
        raise InputError(
            'ViewPhotometric(on_device=True) leaves colour changes to a '
            f'ViewPreprocessor, but model.data_preprocessor is a {kind}: '
            "set model.data_preprocessor.type='ViewPreprocessor', or "
            'on_device=False'
        )


def _check_dataset(cfg: Config) -> None:
    kind = cfg.train_dataloader.dataset.get('type')
    built = _built(kind, DATASETS)
    stock = hasattr(built, 'get_data_info')  # or at least of that kind
    if stock and 'seed' not in settings_of(built):
        raise InputError(
            f'train_dataloader.dataset.type={kind!r} of {cfg.filename} takes '
            'no seed for its views: leave the PretrainDataset there, and put '
            'the other in train_dataloader.dataset.dataset'
        )


def _check_hooks(cfg: Config) -> None:
    saving = (cfg.get('default_hooks') or {}).get('checkpoint') or {}
    what = 'default_hooks.checkpoint.save_best'
    savers = (CheckpointHook, SafeCheckpointHook)  # but not a user's own
    built = _built(saving.get('type'), HOOKS)
    if built not in savers or not saving.get('save_best'):
        what = 'an EarlyStoppingHook'
        kinds = [hook.get('type') for hook in cfg.get('custom_hooks') or []]
        if EarlyStoppingHook not in [_built(kind, HOOKS) for kind in kinds]:
            return
    raise InputError(
        f'{what} would do nothing: it waits for a validation loop, and '
        'pretraining has none. Keep all checkpoints (default_hooks.checkpoint'
        '.max_keep_ckpts=-1 default_hooks.checkpoint.budget=None) and choose '
        'by the k-NN accuracies in the log (--knn)'
    )


def _check_schedules(cfg: Config) -> None:
    schedules = cfg.get('param_scheduler') or []
    for one in schedules if isinstance(schedules, Sequence) else [schedules]:
        kind = one.get('type')
        built = _built(kind, PARAM_SCHEDULERS)
        if _is_a(built, ReduceOnPlateauParamScheduler):
            raise InputError(
                f'param_scheduler.type={kind!r} of {cfg.filename} would do '
                'nothing: it waits for a validation loop, and pretraining has '
                'none; take another schedule'
            )
