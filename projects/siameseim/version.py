"""The version of siameseim, read by setup.py too."""

__version__ = '0.1.0'
