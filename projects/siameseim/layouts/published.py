"""Key names of the published checkpoints and of this package.

The published layout is listed in method section 10; only the names differ,
every tensor has the same shape on both sides.
"""

from torch import Tensor

from .names import ours_to_timm, timm_to_ours

# published -> ours; the parts of blocks are named as in timm
_ROOTS = {
    'patch_embed.proj.': 'backbone.patch_embed.projection.',
    'cls_token': 'backbone.cls_token',
    'pos_embed': 'backbone.pos_embed',
    'blocks.': 'backbone.layers.',
    'decoder_embed.': 'projector.embed.',
    'projector_decoder_blocks.': 'projector.blocks.',
    'mask_token': 'predictor.mask_token',
    'decoder_pos_mlp.': 'predictor.relative_position.',
    'predictor_decoder_blocks.': 'predictor.blocks.',
    'decoder_pred.': 'predictor.head.',
}
# Fixed positions that our modules compute, and a copy of the mask token that
# the target branch never uses.
UNUSED = ('decoder_pos_embed', 'mm_pos_embed', 'mm_mask_token')


def published_to_ours(name: str) -> str | None:
    """Name of a published pretraining tensor in a ``SiameseIM`` model.

    Returns:
        str | None: None for tensors our model has no place for (``UNUSED``).

    Raises:
        KeyError: if the name belongs to no known layout.
    """
    if name in UNUSED:
        return None
    online = name.removeprefix('mm_')
    for old, new in _ROOTS.items():
        if online.startswith(old):
            online = timm_to_ours(new + online.removeprefix(old))
            break
    else:
        raise KeyError(f'{name!r} is not a published SiameseIM tensor')
    if name.startswith('mm_'):
        return f'target.{online}'
    return online if online.startswith('backbone.') else f'neck.{online}'


def ours_to_published(name: str) -> str:
    """Published name of a tensor of a ``SiameseIM`` model.

    Raises:
        KeyError: if the published model has no such tensor.
    """
    part = name.removeprefix('target.')
    prefix = 'mm_' if part != name else ''
    part = part.removeprefix('neck.')
    for old, new in _ROOTS.items():
        if part.startswith(new):
            return prefix + ours_to_timm(old + part.removeprefix(new))
    raise KeyError(f'{name!r} is no tensor of a SiameseIM model')


def convert_published(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Rename a published pretraining state dict for ``SiameseIM``.

    Returns:
        dict[str, Tensor]: the same tensors by our names. The target's fixed
        positions, which published files do not repeat, are the online ones.

    Raises:
        KeyError: if a name belongs to no known layout.
    """
    converted = {
        ours: tensor
        for name, tensor in state.items()
        if (ours := published_to_ours(name)) is not None
    }
    positions = converted.get('backbone.pos_embed')
    if positions is not None and any(
        n.startswith('target.') for n in converted
    ):
        converted['target.backbone.pos_embed'] = positions
    return converted
