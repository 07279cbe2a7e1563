"""Training steps of other methods of the same toolbox, from stock configs."""

import torch
from mmengine.config import Config
from mmengine.hub import get_config
from mmengine.logging import MessageHub
from mmengine.model import revert_sync_batchnorm
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DefaultScope
from mmpretrain.registry import MODELS

from ..engine.quiet import quiet
from .step import as_loaded

# Stock config by method and width of the ViT. The toolbox has BYOL for a
# ResNet-50 only.
_CONFIGS: dict[str, dict[int | None, str]] = {
    'mae': {
        768: 'mae/mae_vit-base-p16_8xb512-amp-coslr-1600e_in1k.py',
        1024: 'mae/mae_vit-large-p16_8xb512-amp-coslr-1600e_in1k.py',
        1280: 'mae/mae_vit-huge-p14_8xb512-amp-coslr-1600e_in1k.py',
    },
    'mocov3': {
        384: 'mocov3/mocov3_vit-small-p16_16xb256-amp-coslr-300e_in1k.py',
        768: 'mocov3/mocov3_vit-base-p16_16xb256-amp-coslr-300e_in1k.py',
        1024: 'mocov3/mocov3_vit-large-p16_64xb64-amp-coslr-300e_in1k.py',
    },
    'byol': {None: 'byol/byol_resnet50_16xb256-coslr-200e_in1k.py'},
}
PEERS = tuple(_CONFIGS)


def peer_config(name: str, width: int) -> Config:
    """Stock config of a method, on the same ViT where there is one.

    Args:
        name (str): 'mae', 'mocov3' or 'byol' (ResNet-50 always).
        width (int): width of the ViT it is to be compared with.

    Raises:
        ValueError: if the toolbox has no config of that width.
    """
    configs = _CONFIGS[name]
    path = configs.get(width, configs.get(None))
    if path is None:
        raise ValueError(
            f'mmpretrain has no {name} config for a ViT {width} wide, only '
            f'for {[*configs]}: give a config of one of these widths'
        )
    return get_config(f'mmpretrain::{path}')


class PeerStep:
    """Model and optimizer of a stock config, and a random batch.

    As in its config but for the optimizer wrapper: the stock one for mixed
    precision refuses CPUs, so ours runs the same optimizer under autocast.

    Args:
        name (str): 'mae', 'mocov3' or 'byol'.
        cfg (Config): as ``peer_config`` gives it.
        batch_size (int): images a step.
        device (str): 'cpu' or 'cuda'.
        precision (str): 'auto', 'bf16' or 'fp32'.
    """

    def __init__(
        self,
        name: str,
        cfg: Config,
        batch_size: int,
        device: str,
        precision: str,
    ) -> None:
        self.name = name
        self.batch_size = batch_size
        # The toolbox's EMA asks for the length of the run.
        MessageHub.get_current_instance().update_info('max_iters', 1_000_000)
        optim = dict(cfg.optim_wrapper)
        optim.pop('loss_scale', None)  # bf16 needs none
        optim.update(type='AutocastOptimWrapper', precision=precision)
        with quiet(), DefaultScope.overwrite_default_scope('mmpretrain'):
            model = MODELS.build(
                dict(cfg.model, data_preprocessor=cfg.data_preprocessor)
            )
            self.model = revert_sync_batchnorm(model).to(device).train()
            self.optim_wrapper = build_optim_wrapper(self.model, optim)
        self.optimizer = self.optim_wrapper.optimizer
        generator = torch.Generator().manual_seed(0)
        views = [
            torch.randint(
                0, 256, (batch_size, 3, 224, 224), generator=generator
            ).byte()
            for _ in range(2)
        ]
        inputs = views[0] if name == 'mae' else views
        self.batch = as_loaded(dict(inputs=inputs, data_samples=[]), device)

    def run(self) -> None:
        """One optimizer step."""
        self.model.train_step(self.batch, self.optim_wrapper)
