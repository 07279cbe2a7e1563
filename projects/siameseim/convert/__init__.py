"""Checkpoints of any known layout: their names, and loading a backbone.

The models import this, so that nothing in here may import them; what needs
models lies in ``weights``.
"""
