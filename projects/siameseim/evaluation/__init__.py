"""Measures of what a backbone learned."""

from .corruptions import Corrupt
from .held_out import HeldOutHook, HeldOutScore

__all__ = ['Corrupt', 'HeldOutHook', 'HeldOutScore']
