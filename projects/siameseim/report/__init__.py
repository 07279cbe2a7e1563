"""One HTML page that shows what a run or a checkpoint learned."""

from .build import build_report
from .load import load_run
from .pictures_hook import PicturesHook

__all__ = ['PicturesHook', 'build_report', 'load_run']
