"""What detection and segmentation share: checks and command lines."""

from .data_check import DataCheckHook

__all__ = ['DataCheckHook']
