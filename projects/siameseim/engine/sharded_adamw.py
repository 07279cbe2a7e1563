"""AdamW whose moments are shared out among the processes (ZeRO, stage 1)."""

from typing import Any

import torch
from mmengine.dist import is_distributed
from mmpretrain.registry import OPTIMIZERS
from torch.distributed.optim import ZeroRedundancyOptimizer
from torch.optim import Optimizer

from ..errors import InputError
from .param_groups import with_own_settings


@OPTIMIZERS.register_module()
class ShardedAdamW(ZeroRedundancyOptimizer):
    """AdamW that keeps the moments of each tensor in one process only.

    After a step each process sends the tensors it has updated to the others.
    Weights are those of plain AdamW, bit for bit. Weights, gradients and the
    target branch stay whole in each process, the moments, 8 bytes a weight in
    fp32, are divided by the number of processes
    (https://arxiv.org/abs/1910.02054).

    mmengine's own wrapper gathers the moments whenever the state is asked
    for, which waits for ever where only the main process saves;
    ``SafeCheckpointHook`` lets all processes gather first.

    Args:
        params (Any): parameters or groups of them.
        **kwargs: as for ``torch.optim.AdamW``.

    Raises:
        InputError: in a run of one process.
    """

    def __init__(
        self, params: Any, weight_decay: float = 0.01, **kwargs: Any
    ) -> None:
        if not is_distributed():
            raise InputError(
                'ShardedAdamW shares moments among processes, but there is '
                'only one: use type="AdamW", or start several processes with '
                'tools/dist_train.sh'
            )
        super().__init__(
            params, torch.optim.AdamW, weight_decay=weight_decay, **kwargs
        )

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load moments; counts of steps go where the kernel reads them.

        The wrapped class leaves those on the CPU, but a fused kernel reads
        them on the device of the weights. It also copies the settings of
        the saved groups past any hook.
        """
        super().load_state_dict(with_own_settings(self, state_dict))
        for group in self.optim.param_groups:
            for param in group['params'] if group.get('fused') else ():
                state = self.optim.state.get(param, {})
                if 'step' in state:
                    state['step'] = state['step'].to(param.device)


def gather_state(optimizer: Optimizer) -> None:
    """Bring sharded moments to the main process; all must call it."""
    if isinstance(optimizer, ZeroRedundancyOptimizer):
        optimizer.consolidate_state_dict()
