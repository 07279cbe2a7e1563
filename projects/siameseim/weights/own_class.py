"""Backbones of a user's own class, which the tensors may not show."""

from collections.abc import Iterator
from typing import Any

from mmengine.registry import MODELS as COMMON
from mmpretrain.registry import MODELS

from ..config_text import stored_settings


def notes_of_own_class(text: Any) -> Iterator[str]:
    """A warning if the backbone's class is none of this or mmpretrain's.

    Names of other toolboxes are not judged.

    Args:
        text (Any): what a checkpoint stores as its config.
    """
    told = stored_settings(text).get('model.backbone.type', '')
    name = told.strip('\'"').removeprefix('mmpretrain.')
    known = COMMON.module_dict | MODELS.module_dict
    module = getattr(known.get(name), '__module__', '')
    own = not module.startswith(('siameseim.', 'mmpretrain.'))
    if name and '.' not in name and own:
        yield (
            f'WARNING: trained as a {name}, read as a plain ViT: features are '
            'right only if both compute the same. tools/knn.py and '
            'tools/evaluate_frozen.py build a class of yours with --config'
        )
