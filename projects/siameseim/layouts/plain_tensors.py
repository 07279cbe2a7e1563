"""Brings the tensors of kindred ViTs to those of a plain one, or refuses."""

import re

import torch
from torch import Tensor

from .sizes import sizes

_SCALES = {  # layer scale -> the linear layer it scales
    'attn.gamma1.weight': 'attn.proj',
    'gamma_1': 'attn.proj',
    'ffn.gamma2.weight': 'ffn.layers.1',
    'gamma_2': 'ffn.layers.1',
}
_NORMS = ('ln1.weight', 'ln1.bias', 'ln2.weight', 'ln2.bias')
_LINEAR = ('attn.qkv', 'attn.proj', 'ffn.layers.0.0', 'ffn.layers.1')
_TABLE = re.compile(r'layers\.\d+\.attn\.rel_pos_[hw]')
_RELATIVE = re.compile(r'\.(relative_position_bias_table|rel_pos_[hw])$')
# Tensors beside the known ones that would change what the ViT computes.
NOT_PLAIN = re.compile(
    r'(.*\.)?(reg_tokens?|register_tokens|storage_tokens|dist_token'
    r'|norm_pre\..*|pre_norm\..*|q_norm\..*|[qv]_bias|rope.*)$'
)


def plain_tensors(
    tensors: dict[str, Tensor],
) -> tuple[dict[str, Tensor], list[str], list[str]]:
    """Fold layer scales, drop relative bias, add zero biases.

    Returns:
        tuple: the tensors of a plain ViT by our names, and for people the
        changes that leave the features as they were, and those that do not.

    Raises:
        ValueError: if a part is missing, or one is left that no plain ViT
            has.
    """
    plain = dict(tensors)
    changed = fold_scales(plain)
    lossy = _drop_relative_bias(plain)
    changed += add_biases(plain)
    _check(plain)
    return plain, changed, lossy


def fold_scales(plain: dict[str, Tensor]) -> list[str]:
    """Multiply each layer scale into the linear layer before it, in place.

    Returns:
        list[str]: for people: what was changed, if anything.
    """
    folded = 0
    for i in range(sizes(plain)['num_layers']):
        for name, scaled in _SCALES.items():
            scale = plain.pop(f'layers.{i}.{name}', None)
            if scale is None or (scale == 1).all():
                continue  # keeps the tensors bit for bit
            folded += 1
            linear = f'layers.{i}.{scaled}'
            plain[f'{linear}.weight'] = (
                plain[f'{linear}.weight'] * scale[:, None]
            )
            plain[f'{linear}.bias'] = plain[f'{linear}.bias'] * scale
    return [f'{folded} layer scales folded into weights'] if folded else []


def add_biases(plain: dict[str, Tensor]) -> list[str]:
    """Give layers without a bias of query, key and value one of zeros.

    In place; returns what was changed as ``fold_scales`` does.
    """
    added = 0
    for i in range(sizes(plain)['num_layers']):
        weight = plain.get(f'layers.{i}.attn.qkv.weight')
        bias = f'layers.{i}.attn.qkv.bias'
        if weight is not None and bias not in plain:
            plain[bias] = weight.new_zeros(len(weight))
            added += 1
    return [f'{added} absent qkv biases set to zero'] if added else []


def foreign(tensors: dict[str, Tensor]) -> list[str]:
    """Names of tensors that change features, but have no place in a ViT."""
    return sorted(
        name
        for name, tensor in tensors.items()
        if NOT_PLAIN.match(name) or (_RELATIVE.search(name) and tensor.any())
    )


def _drop_relative_bias(plain: dict[str, Tensor]) -> list[str]:
    """Drop mmseg's relative bias, which is zero if it was not trained."""
    names = [n for n in plain if '.relative_position_' in n]
    dropped = {name: plain.pop(name) for name in names}
    trained = [
        n for n, t in dropped.items() if n.endswith('table') and t.any()
    ]
    if not trained:
        return []
    return [
        f'the trained relative position bias of {len(trained)} layers '
        f'({trained[0]}, ...), which no other class has, is dropped'
    ]


def _check(plain: dict[str, Tensor]) -> None:
    """Raise unless the names are exactly those of a plain ViT."""
    needed = {f'patch_embed.projection.{k}' for k in ('weight', 'bias')}
    needed.add('pos_embed')
    for i in range(sizes(plain)['num_layers']):
        needed |= {f'layers.{i}.{name}' for name in _NORMS}
        needed |= {
            f'layers.{i}.{n}.{k}' for n in _LINEAR for k in ('weight', 'bias')
        }
    missing = sorted(needed - plain.keys())
    strange = sorted(
        name
        for name in plain.keys() - needed - {'cls_token', *_NORMS}
        if not _TABLE.fullmatch(name)
    )
    for what, names in (('has', strange), ('missing', missing)):
        if names:
            raise ValueError(f'it is no plain ViT: {what} {names[:4]}')
    if not all(torch.is_floating_point(t) for t in plain.values()):
        raise ValueError('it is quantised; give the weights as real numbers')
