"""A published ViT written out in loops, which shares no code with ours.

One image, one patch, one head and one query at a time, in float64, from the
names of the published files (method section 10) alone.
"""

import math

import numpy as np
import torch
from torch import Tensor


def random_state(
    width: int, depth: int, patch: tuple[int, int], hidden: int, seed: int = 0
) -> dict[str, Tensor]:
    """A published backbone without positions, its tensors all random."""
    generator = torch.Generator().manual_seed(seed)

    def rand(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator) / math.sqrt(shape[-1])

    state = {
        'cls_token': rand(1, 1, width),
        'patch_embed.proj.weight': rand(width, 3, *patch) / patch[0],
        'patch_embed.proj.bias': rand(width),
    }
    for i in range(depth):
        for name, shape in (
            ('norm1', (width,)), ('attn.qkv', (3 * width, width)),
            ('attn.proj', (width, width)), ('norm2', (width,)),
            ('mlp.fc1', (hidden, width)), ('mlp.fc2', (width, hidden)),
        ):  # fmt: skip
            state[f'blocks.{i}.{name}.weight'] = 2 * rand(*shape)
            state[f'blocks.{i}.{name}.bias'] = rand(shape[0])
    return state


def sincos(rows: int, columns: int, width: int) -> Tensor:
    """(1, 1 + rows * columns, width): zeros for cls, rows in the first half.

    Each half has the sines of a coordinate times 10000^(-k / (width / 4)),
    then the cosines.
    """
    quarter = width // 4
    table = [[0.0] * width]
    for y in range(rows):
        for x in range(columns):
            angles = [
                [p * 10000 ** (-k / quarter) for k in range(quarter)]
                for p in (y, x)
            ]
            table.append(
                [f(a) for half in angles for f in (math.sin, math.cos)
                 for a in half]
            )  # fmt: skip
    return torch.tensor(table)[None]


def encode(state: dict[str, Tensor], images: Tensor, heads: int) -> Tensor:
    """Tokens (B, 1 + L, C) of the last block, cls first, before any norm."""
    tensors = {n: t.double().numpy() for n, t in state.items()}
    outputs = [_encode(tensors, i, heads) for i in images.double().numpy()]
    return torch.from_numpy(np.stack(outputs)).float()


def classify(state: dict[str, Tensor], tokens: Tensor) -> Tensor:
    """Logits: normed mean of the patches, or normed cls token."""
    tensors = {n: t.double().numpy() for n, t in state.items()}
    logits = []
    for image in tokens.double().numpy():
        if 'fc_norm.weight' in tensors:
            feature = _norm(
                tensors, 'fc_norm', sum(image[1:]) / len(image[1:])
            )
        else:
            feature = _norm(tensors, 'norm', image[0])
        logits.append(_linear(tensors, 'head', feature))
    return torch.from_numpy(np.stack(logits)).float()


def _encode(tensors: dict, image: np.ndarray, heads: int) -> np.ndarray:
    kernels = tensors['patch_embed.proj.weight']
    high, wide = kernels.shape[2:]
    tokens = [tensors['cls_token'][0, 0]]
    for top in range(0, image.shape[1], high):
        for left in range(0, image.shape[2], wide):
            part = image[:, top : top + high, left : left + wide]
            tokens.append(
                np.array([(kernel * part).sum() for kernel in kernels])
                + tensors['patch_embed.proj.bias']
            )
    positions = tensors['pos_embed'][0]
    tokens = [t + p for t, p in zip(tokens, positions, strict=True)]
    for i in range(sum(name.endswith('attn.qkv.weight') for name in tensors)):
        block = f'blocks.{i}'
        normed = [_norm(tensors, f'{block}.norm1', t) for t in tokens]
        mixed = _attend(
            [_linear(tensors, f'{block}.attn.qkv', t) for t in normed], heads
        )
        tokens = [
            t + _linear(tensors, f'{block}.attn.proj', m)
            for t, m in zip(tokens, mixed, strict=True)
        ]
        tokens = [t + _mlp(tensors, block, t) for t in tokens]
    return np.stack(tokens)


def _attend(qkv: list[np.ndarray], heads: int) -> list[np.ndarray]:
    """Values weighted by softmax(q k / sqrt(width of a head))."""
    size = len(qkv[0]) // 3 // heads
    mixed = []
    for query in qkv:
        parts = []
        for head in range(heads):
            q, k, v = (
                slice(j * heads * size + head * size, None) for j in range(3)
            )
            weights = [
                math.exp(query[q][:size] @ other[k][:size] / math.sqrt(size))
                for other in qkv
            ]
            total = sum(weights)
            parts.append(
                sum(
                    w / total * other[v][:size]
                    for w, other in zip(weights, qkv, strict=True)
                )
            )
        mixed.append(np.concatenate(parts))
    return mixed


def _mlp(tensors: dict, block: str, token: np.ndarray) -> np.ndarray:
    hidden = _linear(
        tensors, f'{block}.mlp.fc1', _norm(tensors, f'{block}.norm2', token)
    )
    gelu = [h * 0.5 * (1 + math.erf(h / math.sqrt(2))) for h in hidden]
    return _linear(tensors, f'{block}.mlp.fc2', np.array(gelu))


def _linear(tensors: dict, name: str, x: np.ndarray) -> np.ndarray:
    return tensors[f'{name}.weight'] @ x + tensors[f'{name}.bias']


def _norm(tensors: dict, name: str, x: np.ndarray) -> np.ndarray:
    centred = x - x.mean()
    unit = centred / math.sqrt((centred**2).mean() + 1e-6)
    return unit * tensors[f'{name}.weight'] + tensors[f'{name}.bias']
