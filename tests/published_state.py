"""Random weights in the layout of the published files (method section 10)."""

import math
from typing import Any

import torch
from torch import Tensor

from tests.plain_siameseim import grid_positions

Shapes = dict[str, tuple[int, ...]]


def backbone_shapes(
    width: int, depth: int, patch: tuple[int, int], hidden: int
) -> Shapes:
    """A ViT without positions, norm and head."""
    shapes: Shapes = {
        'cls_token': (1, 1, width),
        'patch_embed.proj.weight': (width, 3, *patch),
        'patch_embed.proj.bias': (width,),
    }
    for i in range(depth):
        shapes |= block_shapes(f'blocks.{i}', width, hidden, 'LN')
    return shapes


def block_shapes(name: str, width: int, hidden: int, norm: str) -> Shapes:
    """One block, its norms of a kind: 'BN' or 'LN'."""
    shapes: Shapes = {}
    for part in ('norm1', 'norm2'):
        full = f'{name}.{part}.bn' if norm == 'BN' else f'{name}.{part}'
        shapes |= {f'{full}.weight': (width,), f'{full}.bias': (width,)}
        if norm == 'BN':
            shapes |= {f'{full}.running_mean': (width,)}
            shapes |= {f'{full}.running_var': (width,)}
            shapes |= {f'{full}.num_batches_tracked': ()}
    for part, shape in {
        'attn.qkv': (3 * width, width),
        'attn.proj': (width, width),
        'mlp.fc1': (hidden, width),
        'mlp.fc2': (width, hidden),
    }.items():
        shapes[f'{name}.{part}.weight'] = shape
        shapes[f'{name}.{part}.bias'] = shape[:1]
    return shapes


def filled(shapes: Shapes) -> dict[str, Tensor]:
    """Random tensors, none of them zero or one."""
    state = {}
    for name, shape in shapes.items():
        if name.endswith('num_batches_tracked'):
            state[name] = torch.tensor(3)
        elif name.endswith('running_var') or 'norm' in name:
            state[name] = torch.rand(shape) + 0.5
        else:
            inputs = math.prod(shape[1:]) if len(shape) > 1 else 25
            state[name] = torch.randn(shape) / math.sqrt(inputs)
    return state


def pretraining_state(
    config: dict[str, Any], grid: tuple[int, int]
) -> dict[str, Tensor]:
    """Both branches, with different weights; MLPs are three times as wide."""
    width, inner = config['embed_dim'], config['decoder_embed_dim']
    patch = (config['patch_size'], config['patch_size'])
    shapes = backbone_shapes(width, config['depth'], patch, 3 * width)
    shapes |= {
        'mask_token': (1, 1, inner),
        'decoder_embed.weight': (inner, width),
        'decoder_embed.bias': (inner,),
    }

    def add_decoder(part: str) -> None:
        norm = config[f'{part}_norm']
        for i in range(config[f'{part}_depth']):
            name = f'{part}_decoder_blocks.{i}'
            shapes.update(block_shapes(name, inner, 3 * inner, norm))

    add_decoder('projector')
    shapes |= {f'mm_{name}': shape for name, shape in shapes.items()}
    add_decoder('predictor')
    shapes |= {
        'decoder_pred.weight': (inner, inner),
        'decoder_pred.bias': (inner,),
        'decoder_pos_mlp.weight': (inner, 2 * inner),
        'decoder_pos_mlp.bias': (inner,),
    }
    return filled(shapes) | {
        'pos_embed': grid_positions(grid, width).float(),
        'decoder_pos_embed': grid_positions(grid, inner).float(),
    }
