"""What ``tools/benchmark.py`` times beside our step."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from mmengine.config import Config

from ..engine.flops import count_flops
from ..engine.host_memory import keep_freed_memory
from .peers import PeerStep, peer_config
from .plain.step import PlainStep
from .step import StepBenchmark

# Contenders that are the same step: its blocks compiled, or not.
OURS = ('compiled', 'eager')


def contender(name: str, cfg: Config, step: StepBenchmark) -> Any:
    """What ``--against`` names, at the same batch, device and precision.

    Args:
        name (str): 'plain', one of ``OURS``, or of ``peers.PEERS``.
        cfg (Config): the pretraining config of ``step``.
        step (StepBenchmark): what it is to be compared with.
    """
    if name == 'plain':
        return PlainStep(cfg, step)
    if name in OURS:
        other = StepBenchmark(cfg, step.batch_size, step.device)
        other.name = name
        return other
    return PeerStep(
        name,
        peer_config(name, step.model.backbone.embed_dims),
        step.batch_size,
        step.device,
        cfg.optim_wrapper.precision,
    )


def first_step(other: Any, ours: int) -> int:
    """Run the first step of a contender; the FLOP of its steps."""
    if isinstance(other, StepBenchmark):  # recomputation is no progress
        other.compile(other.name == 'compiled')
        other.run()
        return ours
    return count_flops(other.run)


def prepared(contenders: Sequence[Any]) -> dict[str, Callable[[], None]]:
    """``settle`` before each timed step, by name of the contender.

    Nothing on a GPU, nor where all contenders are ours.
    """
    ours = [isinstance(each, StepBenchmark) for each in contenders]
    if not _on_cpu(contenders[0]) or all(ours):
        return {}
    return {each.name: partial(settle, each) for each in contenders}


def settle(contender: Any) -> None:
    """An untimed step, with freed memory treated as in that one's own run.

    On a CPU ours keeps it (``KeepMemoryHook``) and the others do not, as
    they run without our hooks. All share one heap nevertheless. With settings
    in the environment, as ``keep_freed_memory`` says, those hold for all.
    """
    if _on_cpu(contender):
        keep_freed_memory(isinstance(contender, StepBenchmark))
    contender.run()


def _on_cpu(contender: Any) -> bool:
    return next(contender.model.parameters()).device.type == 'cpu'
