"""The published fine-tuned classifiers as mmpretrain classifiers."""

from torch import Tensor

from .names import is_backbone, timm_to_ours


def convert_finetuned(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Rename a published fine-tuned state dict for ``ImageClassifier``.

    The classifier is a ``SiameseIMViT`` with ``out_type='avg_featmap'``,
    whose ``ln2`` is the published ``fc_norm``, and a ``LinearClsHead``.

    Args:
        state (dict[str, Tensor]): tensors by published name.

    Raises:
        KeyError: if a name belongs neither to the ViT nor to the head.
    """
    converted = {}
    for name, tensor in state.items():
        ours = timm_to_ours(name)
        if is_backbone(ours):
            converted[f'backbone.{ours}'] = tensor
        elif name in ('head.weight', 'head.bias'):
            converted[name.replace('head.', 'head.fc.')] = tensor
        else:
            raise KeyError(f'{name!r} is no tensor of a fine-tuned ViT')
    return converted
