"""Parameter groups as few long lists instead of one group a parameter."""

import inspect
from collections.abc import Collection, Iterable
from typing import Any

from mmengine.optim import DefaultOptimWrapperConstructor, OptimWrapper
from mmpretrain.registry import OPTIM_WRAPPER_CONSTRUCTORS, OPTIMIZERS
from torch import nn
from torch.optim import Optimizer

from ..errors import InputError, did_you_mean
from ..log import tell
from .quiet import quiet

_PARAMWISE = {
    'bias_decay_mult',
    'bias_lr_mult',
    'bypass_duplicate',
    'custom_keys',
    'dcn_offset_lr_mult',
    'dwconv_decay_mult',
    'flat_decay_mult',
    'norm_decay_mult',
}


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class GroupedOptimWrapperConstructor(DefaultOptimWrapperConstructor):
    """Stock constructor whose groups of equal settings are merged.

    The stock one makes one group per parameter, so that foreach and fused
    optimizers, which work on the list of a whole group, handle one tensor at
    a time. It takes the same ``paramwise_cfg``. Parameters that need no
    gradient are left out. AdamW is built fused on CPUs and CUDA devices unless
    the config says ``fused``. A ``weight_decay`` that is not stated is the
    optimizer's own.
    """

    def _validate_cfg(self) -> None:
        # the stock constructor refuses to multiply what is not stated
        self.base_wd = _weight_decay(self.optimizer_cfg)
        super()._validate_cfg()

    def __call__(self, model: nn.Module) -> OptimWrapper:
        """Build the optimizer over ``model``, which is on its device."""
        check_paramwise(self.paramwise_cfg, _PARAMWISE)
        prefer_fused(self.optimizer_cfg, model)
        # Without any paramwise_cfg the stock code would skip `add_params`.
        self.paramwise_cfg.setdefault('custom_keys', {})
        wrapper = super().__call__(model)
        groups = wrapper.optimizer.param_groups
        # From the registry they come as ConfigDict, whose items AdamW would
        # read some hundred times a step, slowly.
        groups[:] = [dict(group) for group in groups]
        _log_groups(groups)
        return wrapper

    def add_params(
        self,
        params: list[dict],
        module: nn.Module,
        prefix: str = '',
        **kwargs: Any,
    ) -> None:
        """Add the parameters of ``module``, merged into groups."""
        if prefix:  # of a part: the stock method recurses through this one
            super().add_params(params, module, prefix, **kwargs)
            return
        check_custom_keys(
            self.paramwise_cfg['custom_keys'],
            trained_names(module),
        )
        singles: list[dict] = []
        with quiet():  # else two lines for each of hundreds of tensors
            super().add_params(singles, module, prefix, **kwargs)
        for single in singles:
            single.setdefault('weight_decay', self.base_wd)
        params.extend(merge_groups(singles))


def optimizer_class(kind: Any, scope: str | None = None) -> Any:
    """What builds the optimizer of a config's ``type``.

    Raises:
        InputError: if the name is registered neither for mmpretrain and
            mmengine nor for the toolbox whose ``scope`` the config has.
    """
    if not isinstance(kind, str):
        return kind
    built = OPTIMIZERS.get(kind) or OPTIMIZERS.get(f'{scope}.{kind}')
    if built is None:
        known = OPTIMIZERS.module_dict | OPTIMIZERS.parent.module_dict
        cure = did_you_mean(kind, known) or (
            ': check its spelling, and that its package is installed'
        )
        raise InputError(
            f'optim_wrapper.optimizer.type={kind!r} is no registered '
            f'optimizer{cure}'
        )
    return built


def _weight_decay(optimizer_cfg: dict) -> float:
    """What the config states, or what the optimizer takes by itself."""
    built = optimizer_class(optimizer_cfg['type'])
    stated = optimizer_cfg.get('weight_decay')
    if stated is not None:
        return stated
    own = inspect.signature(built).parameters.get('weight_decay')
    default = own.default if own else 0.0
    return default if isinstance(default, int | float) else 0.0


def check_paramwise(paramwise_cfg: dict, known: Collection[str]) -> None:
    """Refuse settings that the stock constructors would pass over.

    Raises:
        InputError: naming those that are not known.
    """
    unknown = sorted(paramwise_cfg.keys() - known)
    if unknown:
        raise InputError(
            f'optim_wrapper.paramwise_cfg has {unknown}, which nothing reads; '
            f'known are {sorted(known)}'
        )


def check_custom_keys(keys: Iterable[str], names: list[str]) -> None:
    """Refuse keys that are part of no parameter's name.

    Raises:
        InputError: naming the first such key.
    """
    for key in keys:
        # the stock constructors look into MODULE.NAME, also without a module
        if any(key in (n if '.' in n else f'.{n}') for n in names):
            continue
        parts = {part for name in names for part in name.split('.')}
        meant = did_you_mean(key, parts | {*names})
        raise InputError(
            f'optim_wrapper.paramwise_cfg.custom_keys has {key!r}, which is '
            f'part of no name of a parameter, such as {names[0]}{meant}'
        )


def trained_names(model: nn.Module) -> list[str]:
    """Names of the parameters that get a gradient, shared ones each."""
    named = model.named_parameters(remove_duplicate=False)
    return [name for name, param in named if param.requires_grad]


def prefer_fused(optimizer_cfg: dict, model: nn.Module) -> None:
    """Build Adam fused where torch can, unless the config says ``fused``.

    Its counts of steps lie with the weights, also after a resume, so that the
    host never waits for them. The config is changed in place.
    """
    device_type = next(model.parameters()).device.type
    if (
        optimizer_cfg['type'] in ('Adam', 'AdamW', 'ShardedAdamW')
        and device_type in ('cuda', 'cpu')
        and not optimizer_cfg.get('foreach')  # torch refuses both
    ):
        optimizer_cfg.setdefault('fused', True)


def keep_settings(optimizer: Optimizer) -> None:
    """Let a run that is resumed have the optimizer settings of its config."""
    optimizer.register_load_state_dict_pre_hook(with_own_settings)


def with_own_settings(optimizer: Optimizer, state: dict) -> dict:
    """A saved state with the settings of the optimizer that loads it.

    torch takes them from the saved groups: weight decay and betas that were
    changed before a resume would have no effect, and a state of another kernel
    (``fused``) would mix the two. What a schedule moves, which leaves its
    first value in the group, stays as saved. ``state`` is not changed.

    Raises:
        InputError: if it has another number of groups.
    """
    saved, own = state['param_groups'], optimizer.param_groups
    if len(saved) != len(own):
        raise InputError(
            'the optimizer of the checkpoint had its parameters in '
            f'{len(saved)} groups of equal settings, this one in {len(own)}: '
            'resume with the optim_wrapper.paramwise_cfg of that run, and '
            'with a weight decay of 0 only where it was 0'
        )
    groups = [
        {**theirs, **_unscheduled(ours, theirs)}
        for theirs, ours in zip(saved, own, strict=True)
    ]
    return {**state, 'param_groups': groups}


def _unscheduled(own: dict, saved: dict) -> dict:
    scheduled = {name for name in saved if f'initial_{name}' in saved}
    first = {f'initial_{name}' for name in scheduled}
    kept = {'params', *scheduled, *first}
    return {name: own[name] for name in own.keys() - kept}


def merge_groups(groups: list[dict]) -> list[dict]:
    """Join parameter groups with equal settings, in order of appearance."""
    merged: dict[tuple, dict] = {}
    for group in groups:
        settings = {k: v for k, v in group.items() if k != 'params'}
        key = tuple(sorted(settings.items()))
        joined = merged.setdefault(key, {'params': [], **settings})
        joined['params'].extend(group['params'])
    return list(merged.values())


def _log_groups(groups: list[dict]) -> None:
    differ = len({group['lr'] for group in groups}) > 1
    for group in groups:
        count = sum(param.numel() for param in group['params'])
        tell(
            f'optimizer group: {len(group["params"])} tensors, '
            f'{count:,} parameters, '
            f'weight decay {group["weight_decay"]}'
            + (f', learning rate {group["lr"]:.3g}' if differ else '')
        )
