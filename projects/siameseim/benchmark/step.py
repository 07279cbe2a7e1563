"""One training step of a config, on random images, ready to be timed."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DefaultScope
from mmpretrain.registry import MODELS, TRANSFORMS
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.data._utils.pin_memory import pin_memory
from torch.utils.flop_counter import FlopCounterMode

from ..engine.compile_hook import compile_blocks
from ..engine.optim_wrapper import AutocastOptimWrapper
from ..models import SiameseIM


class StepBenchmark:
    """Model, optimizer and a random batch; ``run`` is one training step.

    The step is what the Runner does: target update, normalisation, forward,
    backward, clipping and AdamW, under the config's precision.

    Args:
        cfg (Config): a pretraining config.
        batch_size (int): images a step.
        device (str): 'cpu' or 'cuda'.
        compiled (bool | str): compile each transformer block, in this mode
            of ``torch.compile`` if it is a name. Defaults to False.
    """

    name = 'ours'

    def __init__(
        self,
        cfg: Config,
        batch_size: int,
        device: str,
        compiled: bool | str = False,
    ) -> None:
        self.batch_size = batch_size
        self.device = device
        self.compiled = compiled
        with DefaultScope.overwrite_default_scope('mmpretrain'):
            self.model: SiameseIM = MODELS.build(cfg.model)
            self.model.to(device).train()
            self.optim_wrapper: AutocastOptimWrapper = build_optim_wrapper(
                self.model, cfg.optim_wrapper
            )
        if compiled:
            mode = None if compiled is True else compiled
            compile_blocks(self.model, mode=mode)
        self.batch = random_batch(self.model, num_masked(cfg), batch_size)
        self.batch['data_samples'].update(drawn_changes(cfg, batch_size))
        self.batch = as_loaded(self.batch, device)

    def run(self) -> None:
        """One optimizer step."""
        self.model.update_target(0.996)
        self.model.train_step(self.batch, self.optim_wrapper)

    def flops(self) -> int:
        """Floating-point operations of the matrix products of one step.

        Without those of blocks that are recomputed in the backward pass.
        """
        recomputed = [
            module
            for module in self.model.modules()
            if getattr(module, 'with_cp', False)
        ]
        for module in recomputed:
            module.with_cp = False
        flops = count_flops(self._backpropagate)
        for module in recomputed:
            module.with_cp = True
        return flops

    def _backpropagate(self) -> None:
        """All of a step that has matrix products; allocates no moments."""
        self.model.update_target(0.996)
        with self.optim_wrapper.optim_context(self.model):
            data = self.model.data_preprocessor(self.batch, True)
            losses = self.model(**data, mode='loss')
        loss, _ = self.model.parse_losses(losses)
        loss.backward()
        self.model.zero_grad()


def count_flops(run: Callable[[], object]) -> int:
    """Floating-point operations of the matrix products of a function.

    Attention is counted as plain products: the counter does not know the
    CPU's fused kernel, and a kernel's recomputation is no progress. Compiled
    blocks cannot be counted.
    """
    counter = FlopCounterMode(display=False)
    with sdpa_kernel(SDPBackend.MATH), counter:
        run()
    return counter.get_total_flops()


def as_loaded(batch: Any, device: str) -> Any:
    """A batch where a data loader would leave it: pinned, for a GPU."""
    if torch.device(device).type == 'cuda':
        return pin_memory(batch)
    return batch


def num_masked(cfg: Config) -> int:
    """Masked patches of view 1 according to the config's pipeline."""
    return next(
        transform['num_masked']
        for transform in cfg.train_dataloader.dataset.pipeline
        if transform['type'] == 'BlockMask'
    )


def drawn_changes(cfg: Config, batch_size: int) -> dict[str, Tensor]:
    """Colour changes that the config leaves to the device, if it does.

    Args:
        cfg (Config): a pretraining config.
        batch_size (int): images to draw them for.

    Returns:
        dict[str, Tensor]: 'changes' as ``PackTwoViews`` has them, or nothing.
    """
    steps = [
        TRANSFORMS.build(step)
        for step in cfg.train_dataloader.dataset.pipeline
        if step.get('on_device')
    ]
    if not steps:
        return {}
    rng = np.random.default_rng(0)
    changes = []
    for _ in range(batch_size):
        results: dict[str, Any] = dict(views=[None, None], rng=rng)
        for step in steps:
            results = step(results)
        changes.append(results['changes'])
    return {'changes': torch.from_numpy(np.stack(changes))}


def random_batch(
    model: SiameseIM, masked: int, batch_size: int
) -> dict[str, Any]:
    """A batch as the data loader makes it, on the CPU."""
    generator = torch.Generator().manual_seed(0)
    height, width = model.backbone.img_size
    grid = model.backbone.patch_resolution
    patches = grid[0] * grid[1]
    order = torch.rand(batch_size, patches, generator=generator).argsort(1)
    shape = (batch_size, 3, height, width)
    corners = torch.rand(batch_size, 2, 2, generator=generator) * 100
    sizes = torch.rand(batch_size, 2, 2, generator=generator) * 200 + 100
    return dict(
        inputs=[
            torch.randint(0, 256, shape, generator=generator).byte()
            for _ in range(2)
        ],
        data_samples=dict(
            mask=torch.zeros(batch_size, *grid, dtype=torch.bool),
            visible=order[:, masked:].sort(1).values,
            boxes=torch.cat([corners, sizes], dim=-1),
            flips=torch.rand(batch_size, 2, generator=generator) < 0.5,
            source_width=torch.full((batch_size,), 500.0),
        ),
    )
