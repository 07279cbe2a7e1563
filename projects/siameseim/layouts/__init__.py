"""Layouts of checkpoints: recognise them, read them, load a backbone.

The models import this, so that nothing in here may import them, except for
the sizes in ``models.arch``. ``weights`` writes other layouts.
"""
