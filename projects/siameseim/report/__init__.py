"""One HTML page that shows what a run or a checkpoint learned."""

from .build import build_report
from .load import load_run
from .pictures_hook import PicturesHook
from .verdict_hook import VerdictHook

__all__ = ['PicturesHook', 'VerdictHook', 'build_report', 'load_run']
