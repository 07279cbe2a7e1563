"""One HTML page that shows what a run or a checkpoint learned."""

from .build import build_report
from .load import LoadedRun, load_run
from .page import Picture, Section, render

__all__ = [
    'LoadedRun',
    'Picture',
    'Section',
    'build_report',
    'load_run',
    'render',
]
