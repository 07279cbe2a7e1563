"""Transfer configs in several processes without CUDA."""

from typing import Any

import torch
from mmengine.config import Config
from mmengine.dist import all_reduce_params
from mmengine.model import MMDistributedDataParallel, revert_sync_batchnorm
from mmengine.optim import OptimWrapper
from mmengine.registry import MODEL_WRAPPERS
from torch import Tensor, nn

from ..models.norm import batch_norm_buffers


@MODEL_WRAPPERS.register_module()
class CPUDistributedDataParallel(MMDistributedDataParallel):
    """``MMDistributedDataParallel`` for models with SyncBatchNorm, on CPUs.

    SyncBatchNorm refuses CPU tensors. BatchNorm takes its place, so each
    process normalises by its own images; running statistics are averaged
    after each step, so all processes evaluate and save the same model.

    Args:
        module (nn.Module): the model.
        device_ids (list[int], optional): mmengine gives them; not used.
        **kwargs: as for ``DistributedDataParallel``.
    """

    def __init__(
        self,
        module: nn.Module,
        device_ids: list[int] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            module=revert_sync_batchnorm(module),
            device_ids=None,
            broadcast_buffers=False,
            **kwargs,
        )

    def train_step(
        self, data: dict | tuple | list, optim_wrapper: OptimWrapper
    ) -> dict[str, Tensor]:
        """One step, then equal running statistics in all processes."""
        losses = super().train_step(data, optim_wrapper)
        buffers = batch_norm_buffers(self)
        statistics = [one for one in buffers if one.is_floating_point()]
        all_reduce_params(statistics, op='mean')
        return losses


def fit(cfg: Config, processes: int) -> None:
    """Let several processes train or test without CUDA."""
    if processes > 1 and not torch.cuda.is_available():
        cfg.model_wrapper_cfg = dict(
            type='CPUDistributedDataParallel',
            find_unused_parameters=cfg.get('find_unused_parameters', False),
        )
