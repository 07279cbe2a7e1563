"""What detection and segmentation share: checks and command lines."""

from .data_check import DataCheckHook
from .toolboxes import importable

__all__ = ['DataCheckHook', 'importable']
