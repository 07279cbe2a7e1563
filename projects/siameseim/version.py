"""The version of siameseim, read by setup.py without an import."""

__version__ = '0.1.0'
