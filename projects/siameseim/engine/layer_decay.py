"""Layer-wise learning-rate decay for models of all three toolboxes."""

from functools import partial
from typing import Any

from mmengine.optim import OptimWrapper
from mmengine.registry import OPTIM_WRAPPER_CONSTRUCTORS
from mmpretrain.engine.optimizers import (
    LearningRateDecayOptimWrapperConstructor,
)
from torch import nn

from ..errors import InputError
from .param_groups import (
    check_custom_keys,
    check_paramwise,
    keep_settings,
    prefer_fused,
    trained_names,
)

_PARAMWISE = {
    'bias_decay_mult',
    'custom_keys',
    'flat_decay_mult',
    'layer_decay_rate',
    'norm_decay_mult',
}
# Positions and cls token belong to no norm or bias, yet are never decayed.
_NOT_DECAYED = ('pos_embed', 'rel_pos_', 'cls_token')


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class BackboneLayerDecay(LearningRateDecayOptimWrapperConstructor):
    """Lower learning rates for lower blocks of ``model.backbone``.

    The stock constructor with three things added: it takes the depth of a
    parameter from the backbone, so it works in detectors and segmentors
    too; everything outside the backbone learns at the full rate; biases,
    norms, positions and cls token are not decayed unless ``paramwise_cfg``
    says so.

    A parameter of block i (from 0) of D gets ``lr * layer_decay_rate **
    (D - i)``, the patch embedding ``lr * layer_decay_rate ** (D + 1)``, as in
    MAE's fine-tuning.

    Args:
        optim_wrapper_cfg (dict): as for the stock constructor; the optimizer
            needs ``lr`` and ``weight_decay``.
        paramwise_cfg (dict): ``layer_decay_rate`` is required. ``lr_mult`` in
            its ``custom_keys`` is refused, since the stock constructor would
            ignore it.

    Raises:
        InputError: if one of these is missing, or ``lr_mult`` or a setting
            is there that nothing reads.
    """

    def __init__(
        self, optim_wrapper_cfg: dict, paramwise_cfg: dict | None = None
    ) -> None:
        paramwise_cfg = paramwise_cfg or {}
        if 'layer_decay_rate' not in paramwise_cfg:
            raise InputError(
                'BackboneLayerDecay needs layer_decay_rate in paramwise_cfg, '
                f'for example 0.65; got {sorted(paramwise_cfg)}'
            )
        check_paramwise(paramwise_cfg, _PARAMWISE)
        if optim_wrapper_cfg['optimizer'].get('weight_decay') is None:
            raise InputError(
                'BackboneLayerDecay needs weight_decay in the optimizer (0 '
                f'for none); got {optim_wrapper_cfg["optimizer"]}'
            )
        custom_keys = paramwise_cfg.get('custom_keys', {})
        multiplied = [k for k, v in custom_keys.items() if 'lr_mult' in v]
        if multiplied:
            raise InputError(
                f'custom_keys {multiplied} set lr_mult, which layer-wise '
                'decay does not support: remove it or use another constructor'
            )
        not_decayed = {name: dict(decay_mult=0.0) for name in _NOT_DECAYED}
        settings = {
            'bias_decay_mult': 0.0,
            'norm_decay_mult': 0.0,
            'flat_decay_mult': 0.0,
            **paramwise_cfg,
            'custom_keys': {**not_decayed, **custom_keys},
        }
        super().__init__(optim_wrapper_cfg, settings)

    def __call__(self, model: nn.Module) -> OptimWrapper:
        """Build the optimizer over ``model``, which is on its device."""
        own = self.paramwise_cfg['custom_keys'].keys() - {*_NOT_DECAYED}
        check_custom_keys(own, trained_names(model))
        prefer_fused(self.optimizer_cfg, model)
        wrapper = super().__call__(model)
        keep_settings(wrapper.optimizer)
        return wrapper

    def add_params(
        self, params: list[dict], module: nn.Module, **kwargs: object
    ) -> None:
        """Add a group for each parameter that is trained.

        Args:
            params (list[dict]): groups so far, extended in place.
            module (nn.Module): the model, or one of its parts in the
                recursion, which then brings ``get_layer_depth``.
            **kwargs: ``prefix`` and ``get_layer_depth``.

        Raises:
            InputError: if the model has no backbone that knows its depth.
        """
        if kwargs.get('get_layer_depth') is None:
            backbone: Any = getattr(module, 'backbone', None)
            if not hasattr(backbone, 'get_layer_depth'):
                raise InputError(
                    'BackboneLayerDecay needs model.backbone with '
                    f'get_layer_depth, such as SiameseIMViT; the backbone of '
                    f'{type(module).__name__} is {type(backbone).__name__}'
                )
            kwargs['get_layer_depth'] = partial(
                backbone.get_layer_depth, prefix='backbone.'
            )
        super().add_params(params, module, **kwargs)
