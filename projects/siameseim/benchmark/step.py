"""One training step of a config, on random images, ready to be timed."""

from typing import Any

import numpy as np
import torch
from mmengine.config import Config, ConfigDict
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DefaultScope
from mmpretrain.registry import MODELS, TRANSFORMS
from torch import Tensor
from torch.utils.data._utils.pin_memory import pin_memory

from ..engine.compile_hook import compile_blocks
from ..engine.flops import move_target, step_flops
from ..engine.host_memory import keep_freed_memory
from ..engine.optim_wrapper import AutocastOptimWrapper
from ..engine.step_graph import hindrance, replay_steps
from ..errors import InputError
from ..models import SiameseIM


class StepBenchmark:
    """Model, optimizer and a random batch; ``run`` is one training step.

    The step is what the Runner does: target update, normalisation, forward,
    backward, clipping and AdamW, under the config's precision. On a CPU
    memory is kept as ``KeepMemoryHook`` does.

    Args:
        cfg (Config): a pretraining config.
        batch_size (int): images a step.
        device (str): 'cpu' or 'cuda'.

    Attributes:
        compiled (bool | str): as ``compile`` was told.
    """

    name = 'ours'
    compiled: bool | str = False

    def __init__(self, cfg: Config, batch_size: int, device: str) -> None:
        self.batch_size = batch_size
        self.device = device
        if torch.device(device).type == 'cpu':
            keep_freed_memory()
        with DefaultScope.overwrite_default_scope('mmpretrain'):
            self.model: SiameseIM = MODELS.build(cfg.model)
            self.model.to(device).train()
            self.optim_wrapper: AutocastOptimWrapper = build_optim_wrapper(
                self.model, cfg.optim_wrapper
            )
        self.optimizer = self.optim_wrapper.optimizer
        masked = pipeline_step(cfg, 'BlockMask').num_masked
        self.batch = random_batch(self.model, masked, batch_size)
        self.batch['data_samples'].update(drawn_changes(cfg, batch_size))
        self.batch = as_loaded(self.batch, device)

    def compile(self, compiled: bool | str) -> None:
        """Let each transformer block be compiled in the next step.

        Args:
            compiled (bool | str): whether to, or a mode of
                ``torch.compile``, or 'graph' for compiled blocks in a step
                that is replayed.

        Raises:
            InputError: if the step cannot be replayed.
        """
        self.compiled = compiled
        if self.replayed:
            reason = hindrance(self.model)
            if reason is not None:
                raise InputError(f'--compile graph: {reason}')
            replay_steps(self.model)
        if compiled:
            plain = compiled is True or self.replayed
            compile_blocks(self.model, mode=None if plain else compiled)

    @property
    def replayed(self) -> bool:
        """Whether the step is replayed as CUDA graphs."""
        return self.compiled == 'graph'

    @property
    def shows_memory(self) -> bool:
        """Whether a step that is watched takes the memory of others.

        A replayed one has taken it once. On a CPU compiled blocks run
        uncompiled while ``LiveStorages`` watches.
        """
        on_cpu = torch.device(self.device).type == 'cpu'
        return not (self.replayed or (self.compiled and on_cpu))

    def run(self) -> None:
        """One optimizer step."""
        move_target(self.model)
        self.model.train_step(self.batch, self.optim_wrapper)

    def flops(self) -> int:
        """``step_flops`` of the batch."""
        context = self.optim_wrapper.optim_context(self.model)
        return step_flops(self.model, self.batch, context)


def as_loaded(batch: Any, device: str) -> Any:
    """A batch where a data loader would leave it: pinned, for a GPU."""
    if torch.device(device).type == 'cuda':
        return pin_memory(batch)
    return batch


def pipeline_step(cfg: Config, kind: str) -> ConfigDict:
    """The transform of a type in the config's pipeline.

    Raises:
        InputError: if there is none, as in configs of other methods.
    """
    for transform in cfg.train_dataloader.dataset.pipeline:
        if transform['type'] == kind:
            return transform
    raise InputError(
        f'the pipeline of this {cfg.model.type} config has no {kind}, and '
        'only steps of SiameseIM are timed: give a config of it. '
        '--against mae mocov3 byol times stock methods beside it, '
        'tools/compare.py the rows of the comparison'
    )


def drawn_changes(cfg: Config, batch_size: int) -> dict[str, Tensor]:
    """Colour changes that the config leaves to the device, if it does.

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
    visible = order[:, masked:].sort(1).values
    mask = torch.ones(batch_size, patches, dtype=torch.bool)
    shape = (batch_size, 3, height, width)
    corners = torch.rand(batch_size, 2, 2, generator=generator) * 100
    sizes = torch.rand(batch_size, 2, 2, generator=generator) * 200 + 100
    return dict(
        inputs=[
            torch.randint(0, 256, shape, generator=generator).byte()
            for _ in range(2)
        ],
        data_samples=dict(
            mask=mask.scatter_(1, visible, False).view(batch_size, *grid),
            visible=visible,
            boxes=torch.cat([corners, sizes], dim=-1),
            flips=torch.rand(batch_size, 2, generator=generator) < 0.5,
            source_width=torch.full((batch_size,), 500.0),
        ),
    )
