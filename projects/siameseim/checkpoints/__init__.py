"""Saving a run, stopping it, and going on exactly where it was."""

from .checkpoint_hook import SafeCheckpointHook
from .resume_hook import ExactResumeHook
from .safe_load import (
    allow_mmengine_checkpoints,
    name_unreadable_checkpoints,
)
from .stop_signals import StopSignalHook
from .task_checkpoint_hook import TaskCheckpointHook

allow_mmengine_checkpoints()
name_unreadable_checkpoints()

__all__ = [
    'ExactResumeHook',
    'SafeCheckpointHook',
    'StopSignalHook',
    'TaskCheckpointHook',
]
