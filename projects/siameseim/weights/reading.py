"""Reads a checkpoint of any known layout as one plain ViT."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import isqrt
from typing import Any

from torch import Tensor

from ..layouts.backbone_file import BackboneFile, read_backbone
from ..layouts.normalisation import IMAGENET, find_normalisation
from ..layouts.num_heads import NumHeads, find_num_heads
from ..layouts.plain_tensors import NOT_PLAIN, plain_tensors
from ..layouts.published import convert_published
from ..layouts.sizes import sizes
from ..layouts.vitdet import PYRAMID_SCALES, convert_vitdet
from ..models.stored_positions import (
    StoredPositions,
    recognise,
    with_extra_rows,
)
from .own_class import notes_of_own_class
from .plain_vit import PlainViT
from .report import Report
from .windows import told_windows

_HEADS = ('head', 'head.fc', 'head.layers.head')


@dataclass
class Reading:
    """A plain ViT and how it was got from a file."""

    vit: PlainViT
    file: BackboneFile
    report: Report
    heads_guessed: bool  # the number of heads is an assumption

    @property
    def doubtful(self) -> bool:
        """Whether features may be others than the network's own."""
        return any(note.startswith('WARNING') for note in self.report.notes)


def read_vit(
    source: str,
    branch: str | None = None,
    prefix: str | None = None,
    num_heads: int | None = None,
    img_size: tuple[int, int] | None = None,
) -> Reading:
    """Read a checkpoint of any known layout.

    Args:
        source (str): file, folder or http(s) address; see
            ``layouts.safe_load.load_file``.
        branch (str, optional): 'online' (the default) or 'target'.
        prefix (str, optional): of the backbone, see ``read_backbone``.
        num_heads (int, optional): where the file does not tell it.
        img_size (tuple[int, int], optional): (height, width) in pixels the
            ViT was trained on, needed only where learned positions are not
            for a square.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is not safe to load, or holds no plain ViT.
    """
    file = read_backbone(source, branch, prefix)
    try:
        return _interpret(file, num_heads, img_size)
    except ValueError as error:
        raise ValueError(
            f'{source} ({file.layout.name}) was not read: {error}'
        ) from error


def _interpret(
    file: BackboneFile,
    num_heads: int | None,
    img_size: tuple[int, int] | None,
) -> Reading:
    strange = [name for name in file.own_rest if NOT_PLAIN.match(name)]
    if strange:
        raise ValueError(f'it is no plain ViT: has {strange[:4]}')
    _check_activation(file.extra['config'])
    tensors, changed, lossy = plain_tensors(file.tensors)
    heads = find_num_heads(tensors, file.extra, num_heads)
    own = _noted_size(file.extra) or img_size
    tensors, positions = _positions(tensors, own, file)
    notes = file.extra['meta']
    vit = PlainViT(
        tensors,
        heads.number,
        positions,
        norm_eps=_norm_eps(file.extra),
        head=_head(file),
        pretraining=_pretraining(file),
        pyramid=_pyramid(file),
        noncommercial=file.layout.noncommercial
        or bool(notes.get('noncommercial')),
        normalisation=find_normalisation(file.extra),
        takes_mean='ln2.weight' not in tensors and _takes_mean(file.extra),
        windows=told_windows(
            tensors, sizes(tensors)['num_layers'], file.extra
        ),
    )
    if vit.has_final_norm and notes.get('final_norm') is False:
        # written for a library that cannot do without one
        vit = vit.without('ln1.weight', 'ln1.bias')
        changed.append('the final norm, which stood in for none, is left out')
    report = Report(
        f'{file.source} ({file.layout.name}, {file.branch} branch, '
        f'{len(file.tensors)} tensors of the backbone)',
        vit.describe(),
        changed=changed,
        lossy=lossy,
        notes=[*_notes(vit, file, heads)],
    )
    return Reading(vit, file, report, heads.guessed)


def _notes(
    vit: PlainViT, file: BackboneFile, heads: NumHeads
) -> Iterator[str]:
    """What a user should know of what was read."""
    yield (
        f'{"WARNING: " if heads.guessed else ""}{heads.number} heads: '
        f'{heads.origin}'
        + ('; set --num-heads if that is wrong' if heads.guessed else '')
    )
    yield from notes_of_own_class(file.extra['meta'].get('cfg'))
    if vit.normalisation != IMAGENET:
        yield (
            f'trained on images normalised by {vit.normalisation}, not by '
            "ImageNet's"
        )
    if _normed_before_head(file):
        yield (
            'the classifier is left out: it takes features that a BatchNorm '
            '(neck.bn) has changed, as in a linear probe'
        )
    if vit.noncommercial:
        yield (
            'these weights derive from the published ones, which are '
            'CC-BY-NC 4.0: no commercial use'
        )


def _positions(
    tensors: dict[str, Tensor],
    img_size: tuple[int, int] | None,
    file: BackboneFile,
) -> tuple[dict[str, Tensor], StoredPositions]:
    """Find grid and kind; a row for the cls token if and only if it is."""
    rows = tensors['pos_embed']
    if rows.ndim == 4:  # ViTSAM has (1, H, W, C)
        grid = (rows.shape[1], rows.shape[2])
        rows = rows.flatten(1, 2)
    elif img_size is not None:
        height, width = tensors['patch_embed.projection.weight'].shape[2:]
        grid = (img_size[0] // height, img_size[1] // width)
    else:
        side = isqrt(rows.shape[1])
        grid = (side, side)
    extra, positions = recognise(rows, grid)
    if file.layout.name == 'detectron2 ViTDet':
        # it interpolates positions of any kind, sin-cos ones too
        positions = positions._replace(first_half=None)
    rows = with_extra_rows(rows, extra, int('cls_token' in tensors))
    return {**tensors, 'pos_embed': rows}, positions


def _noted_size(extra: dict[str, Any]) -> tuple[int, int] | None:
    """Image size from ``config.json`` or our own notes."""
    config = extra['config']
    size = (
        config.get('image_size')
        or (config.get('model_args') or {}).get('img_size')
        or extra['meta'].get('img_size')
    )
    if size is None:
        return None
    return (size, size) if isinstance(size, int) else (size[0], size[1])


def _norm_eps(extra: dict[str, Any]) -> float:
    """Of the LayerNorms, 1e-6 unless the file says otherwise."""
    noted = extra['meta'].get('norm_eps')
    return float(extra['config'].get('layer_norm_eps') or noted or 1e-6)


def _check_activation(config: dict[str, Any]) -> None:
    """Refuse blocks that another activation than ours was trained in."""
    activation = config.get('hidden_act', 'gelu')
    if activation != 'gelu':
        raise ValueError(
            f'its activation is {activation!r}; only gelu is known'
        )


def _takes_mean(extra: dict[str, Any]) -> bool:
    """Whether timm's ``config.json`` or our notes say so."""
    config = extra['config']
    pooling = (config.get('model_args') or {}).get('global_pool')
    pooling = pooling or config.get('global_pool')
    return pooling == 'avg' or bool(extra['meta'].get('takes_mean'))


def _head(file: BackboneFile) -> dict[str, Tensor]:
    """The linear classifier, if the file has one that takes features."""
    if _normed_before_head(file):
        return {}
    width = file.tensors['patch_embed.projection.weight'].shape[0]
    for stem in _HEADS:
        weight = file.rest.get(f'{stem}.weight')
        if weight is not None and weight.shape[1:] == (width,):
            bias = file.rest.get(f'{stem}.bias')
            zero = weight.new_zeros(len(weight))
            return dict(weight=weight, bias=zero if bias is None else bias)
    return {}


def _normed_before_head(file: BackboneFile) -> bool:
    """Whether a BatchNorm changes the features before the classifier."""
    return any(name.startswith('neck.bn.') for name in file.rest)


def _pretraining(file: BackboneFile) -> dict[str, Tensor]:
    """Neck and target branch, if the online branch was asked for."""
    if file.branch != 'online':
        return {}
    if file.layout.name == 'published pretraining':
        positions = {'target.backbone.pos_embed': file.tensors['pos_embed']}
        return {**convert_published(file.rest), **positions}
    roots = ('neck.', 'target.')
    return {n: t for n, t in file.rest.items() if n.startswith(roots)}


def _pyramid(file: BackboneFile) -> dict[str, Tensor]:
    """The feature pyramid, if the file is of a ViTDet."""
    if not any('.rel_pos_' in name for name in file.tensors):
        return {}
    if file.layout.name == 'detectron2 ViTDet':
        side = file.tensors['patch_embed.projection.weight'].shape[2]
        return convert_vitdet(file.rest, PYRAMID_SCALES, side)[1]
    return {
        name.removeprefix('neck.'): tensor
        for name, tensor in file.rest.items()
        if name.startswith('neck.levels.')
    }
