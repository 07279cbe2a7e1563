"""Names of a Hugging Face ViT's tensors and ours."""

import re
from collections.abc import Set

import torch
from torch import Tensor

_ROOTS = {  # theirs -> ours
    'embeddings.cls_token': 'cls_token',
    'embeddings.position_embeddings': 'pos_embed',
    'embeddings.patch_embeddings.projection': 'patch_embed.projection',
    'layernorm': 'ln1',
    'classifier': 'head',
}
# theirs on disk, and in memory since transformers 5 -> ours
_PARTS = {
    'layernorm_before': 'ln1',
    'layernorm_after': 'ln2',
    'attention.output.dense': 'attn.proj',
    'attention.o_proj': 'attn.proj',
    'intermediate.dense': 'ffn.layers.0.0',
    'mlp.fc1': 'ffn.layers.0.0',
    'output.dense': 'ffn.layers.1',
    'mlp.fc2': 'ffn.layers.1',
}
_QKV = re.compile(r'attention\.(?:attention\.(?:query|key|value)|[qkv]_proj)')
_LAYER = re.compile(r'(?:encoder\.layer|layers)\.(\d+)\.(.+)')
_MARK = 'embeddings.patch_embeddings.projection.weight'


def is_huggingface(names: Set[str]) -> bool:
    """Whether these are the names of a Hugging Face ViT."""
    return bool({_MARK, f'vit.{_MARK}'} & names)


def huggingface_to_ours(name: str) -> str:
    """Our name of a tensor; those that we do not have are left alone.

    Query, key and value have the same name, that of the joined tensor.
    """
    stem, _, kind = name.removeprefix('vit.').rpartition('.')
    if (whole := f'{stem}.{kind}') in _ROOTS:
        return _ROOTS[whole]
    if stem in _ROOTS:
        return f'{_ROOTS[stem]}.{kind}'
    layer = _LAYER.fullmatch(stem)
    if layer and layer[2] in _PARTS:
        return f'layers.{layer[1]}.{_PARTS[layer[2]]}.{kind}'
    if layer and _QKV.fullmatch(layer[2]):
        return f'layers.{layer[1]}.attn.qkv.{kind}'
    return name


def join_qkv(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """A Hugging Face ViT by our names.

    Query, key and value of a layer are in one tensor, in that order; tensors
    that we have no name for keep their own.
    """
    groups: dict[str, list[str]] = {}
    for name in state:
        groups.setdefault(huggingface_to_ours(name), []).append(name)
    return {
        ours: torch.cat([state[name] for name in sorted(names, key=_order)])
        if len(names) > 1
        else state[names[0]]
        for ours, names in groups.items()
    }


def _order(name: str) -> int:
    """Place of query (q_proj), key or value in the joined tensor."""
    return 'qkv'.index(name.split('.')[-2][0])


def ours_to_huggingface(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """A plain ViT with cls token by the names of a ``ViTModel``.

    In a ``ViTForImageClassification`` they have the prefix ``vit.``.
    """
    roots = {ours: theirs for theirs, ours in _ROOTS.items()}
    parts = {ours: theirs for theirs, ours in reversed(_PARTS.items())}
    converted = {}
    for name, tensor in tensors.items():
        stem, _, kind = name.rpartition('.')
        if name in roots:
            converted[roots[name]] = tensor
        elif stem in roots:
            converted[f'{roots[stem]}.{kind}'] = tensor
        else:
            _, number, part = stem.split('.', 2)
            layer = f'encoder.layer.{number}'
            if part == 'attn.qkv':
                attention = f'{layer}.attention.attention'
                names = [f'{attention}.{n}' for n in ('query', 'key', 'value')]
                for stem, third in zip(names, tensor.chunk(3), strict=True):
                    converted[f'{stem}.{kind}'] = third
            else:
                converted[f'{layer}.{parts[part]}.{kind}'] = tensor
    return converted
