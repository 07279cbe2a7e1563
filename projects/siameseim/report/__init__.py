"""One HTML page that shows what a run or a checkpoint learned."""

from .build import build_report
from .load import LoadedRun, load_run
from .page import Picture, Section, render
from .pictures_hook import PicturesHook

__all__ = [
    'LoadedRun',
    'Picture',
    'PicturesHook',
    'Section',
    'build_report',
    'load_run',
    'render',
]
