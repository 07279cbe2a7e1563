"""A plain model with the sizes and weights of one of ours."""

import re

from torch import nn

from ...models import SiameseIM
from .model import PlainSiameseIM, PlainSizes

# Our names -> plain names, applied in this order.
_NAMES = (
    (r'^backbone\.', 'online.'),
    (r'^neck\.projector\.', 'online.projector.'),
    (r'^neck\.predictor\.blocks\.', 'predictor.'),
    (r'^neck\.predictor\.', ''),
    (r'^target\.backbone\.', 'target.'),
    (r'\.projector\.embed\.', '.embed.'),
    (r'\.projector\.blocks\.', '.projector.'),
    (r'\.patch_embed\.projection\.', '.patch_embed.'),
    (r'\.ffn\.layers\.0\.0\.', '.mlp.0.'),
    (r'\.ffn\.layers\.1\.', '.mlp.2.'),
    (r'\.layers\.(\d+)\.', r'.blocks.\1.'),
    (r'\.ln([12])\.', r'.norm\1.'),
)
# Computed by each side for itself, and the mean and std of images.
_OWN = re.compile(r'pos_embed$|positions$|^data_preprocessor\.')


def plain_copy(model: SiameseIM) -> PlainSiameseIM:
    """Build the plain model that computes what ``model`` computes.

    Args:
        model (SiameseIM): on a CPU, blocks of the stock kind.

    Returns:
        PlainSiameseIM: in train mode, with equal weights in all branches.

    Raises:
        ValueError: if the model has weights that the plain one has not.
    """
    plain = PlainSiameseIM(sizes_of(model))
    missing, unexpected = plain.load_state_dict(
        {
            plain_name(name): value
            for name, value in model.state_dict().items()
            if not _OWN.search(name)
        },
        strict=False,
    )
    left = [name for name in missing if not _OWN.search(name)] + unexpected
    if left:
        raise ValueError(f'no plain counterpart for the weights {left}')
    return plain.train()


def plain_name(name: str) -> str:
    """Name in the plain model of a weight of ``SiameseIM``."""
    for pattern, replacement in _NAMES:
        name = re.sub(pattern, replacement, name)
    return name


def sizes_of(model: SiameseIM) -> PlainSizes:
    """Read the sizes off the modules of a model."""
    backbone, projector = model.backbone, model.neck.projector
    block, decoder_block = backbone.layers[0], projector.blocks[0]
    return PlainSizes(
        patch=tuple(backbone.patch_embed.projection.kernel_size),
        grid=tuple(backbone.patch_resolution),
        width=backbone.embed_dims,
        depth=len(backbone.layers),
        heads=block.attn.num_heads,
        hidden=block.ffn.feedforward_channels,
        decoder_width=projector.embed.out_features,
        decoder_heads=decoder_block.attn.num_heads,
        decoder_hidden=decoder_block.ffn.feedforward_channels,
        projector_depth=len(projector.blocks),
        predictor_depth=len(model.neck.predictor.blocks),
        batch_norm=not isinstance(decoder_block.ln1, nn.LayerNorm),
        neg_weight=model.head.neg_weight,
    )
