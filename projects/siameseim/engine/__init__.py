"""Training steps: optimizers, schedules and hooks."""

from .compile_hook import CompileBlocksHook, compile_blocks
from .flops import FlopsHook
from .guard_hook import NonFiniteGuardHook
from .host_memory import KeepMemoryHook
from .layer_decay import BackboneLayerDecay
from .log_line import EpochLoggerHook, ProgressLogProcessor
from .momentum_hook import MomentumTargetHook
from .optim_wrapper import AutocastOptimWrapper
from .param_groups import GroupedOptimWrapperConstructor
from .patch_whitening_hook import PatchWhiteningHook
from .progress_hook import ProgressHook
from .runtime_info_hook import LazyRuntimeInfoHook
from .schedule import WarmupCosineLR
from .sharded_adamw import ShardedAdamW
from .step_graph import StepGraphHook
from .worker_signals import leave_signals_to_trainer

__all__ = [
    'AutocastOptimWrapper',
    'BackboneLayerDecay',
    'CompileBlocksHook',
    'EpochLoggerHook',
    'FlopsHook',
    'GroupedOptimWrapperConstructor',
    'KeepMemoryHook',
    'LazyRuntimeInfoHook',
    'MomentumTargetHook',
    'NonFiniteGuardHook',
    'PatchWhiteningHook',
    'ProgressHook',
    'ProgressLogProcessor',
    'ShardedAdamW',
    'StepGraphHook',
    'WarmupCosineLR',
    'compile_blocks',
    'leave_signals_to_trainer',
]
