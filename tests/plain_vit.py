"""A published ViT alone, computed by ``plain_siameseim`` in float64."""

from torch import Tensor

from tests.plain_siameseim import Plain, grid_positions
from tests.published_state import backbone_shapes, filled


def random_state(
    width: int, depth: int, patch: tuple[int, int], hidden: int
) -> dict[str, Tensor]:
    """A published backbone without positions, its tensors all random."""
    return filled(backbone_shapes(width, depth, patch, hidden))


def sincos(rows: int, columns: int, width: int) -> Tensor:
    """(1, 1 + rows * columns, width), as a file has them."""
    return grid_positions((rows, columns), width).float()


def encode(state: dict[str, Tensor], images: Tensor, heads: int) -> Tensor:
    """Tokens (B, 1 + L, C) of the last block, cls first, before any norm."""
    depth = sum(name.endswith('attn.qkv.weight') for name in state)
    config = dict(depth=depth, num_heads=heads, ln_eps=1e-6)
    return Plain(config, state).backbone(images).float()


def classify(state: dict[str, Tensor], tokens: Tensor) -> Tensor:
    """Logits: normed mean of the patches, or normed cls token."""
    plain, tokens = Plain(dict(ln_eps=1e-6), state), tokens.double()
    if 'fc_norm.weight' in state:
        feature = plain.norm(tokens[:, 1:].mean(1), 'fc_norm')
    else:
        feature = plain.norm(tokens[:, 0], 'norm')
    return plain.linear(feature, 'head').float()
