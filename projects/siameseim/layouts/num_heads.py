"""The number of attention heads, which the tensors do not show."""

from typing import Any, NamedTuple

from mmpretrain.models import VisionTransformer
from torch import Tensor, nn

from ..config_text import stored_settings
from ..log import warn
from ..models.arch import ARCHS
from .backbone_file import BackboneFile
from .sizes import sizes

_SIZES = ('tiny', 'small', 'base', 'large', 'huge')


class NumHeads(NamedTuple):
    """A number of heads, where it is from, and whether that is a guess."""

    number: int
    origin: str
    guessed: bool = False


def find_num_heads(
    tensors: dict[str, Tensor],
    extra: dict[str, Any],
    given: int | None = None,
) -> NumHeads:
    """Look where a ``BackboneFile`` tells it, then assume what is usual.

    A number that the user has ``given`` is believed.

    Raises:
        ValueError: if the width is no multiple of it.
    """
    found = sizes(tensors)
    width = found['embed_dims']
    heads = (
        (given and NumHeads(given, 'given'))
        or _told(tensors, extra, width)
        or _usual(width, found['num_layers'])
    )
    if heads is None or width % heads.number:
        what = f'{heads.number} ({heads.origin})' if heads else 'unknown'
        raise ValueError(
            f'the number of heads is {what}, which does not fit the width '
            f'{width}: give it with num_heads=... or --num-heads'
        )
    return heads


def warn_of_other_heads(model: nn.Module, file: BackboneFile) -> None:
    """Warn where a file is loaded into a model of other heads."""
    width = sizes(file.tensors)['embed_dims']
    told = _told(file.tensors, file.extra, width)
    own = model.get_submodule('layers.0.attn').num_heads
    if told and own != told.number:
        warn(
            f'the model has {own} attention heads, {file.source} has '
            f'{told.number} ({told.origin}): its features will be others. '
            f'Build the model with an arch of num_heads={told.number}'
        )


def _told(
    tensors: dict[str, Tensor], extra: dict[str, Any], width: int
) -> NumHeads | None:
    """What a file says itself."""
    return (
        _from_notes(extra)
        or _from_args(extra.get('args'), width)
        or _from_config_text(extra.get('meta', {}).get('cfg'), width)
        or _from_tables(tensors, width)
    )


def _from_notes(extra: dict[str, Any]) -> NumHeads | None:
    """From ``config.json`` of a folder, or our own notes in a file."""
    config, meta = extra.get('config', {}), extra.get('meta', {})
    for count, origin in (
        (config.get('num_attention_heads'), 'the config'),
        ((config.get('model_args') or {}).get('num_heads'), 'the config'),
        (meta.get('num_heads'), 'the file'),
    ):
        if count is not None:
            return NumHeads(int(count), f'from {origin}')
    return None


def _from_args(args: Any, width: int) -> NumHeads | None:
    """From a published file's command line: a number, or 'vit_base_...'."""
    count = getattr(args, 'num_heads', None)
    if count is not None:
        return NumHeads(int(count), "from the file's args.num_heads")
    model = str(getattr(args, 'model', ''))
    for size in _SIZES:
        arch = ARCHS[size]
        if size in model and arch['embed_dims'] == width:
            return NumHeads(arch['num_heads'], f'of {model} in args.model')
    return None


def _from_tables(tensors: dict[str, Tensor], width: int) -> NumHeads | None:
    """A ViTDet's relative positions have the width of one head."""
    for name, tensor in tensors.items():
        if name.endswith('.rel_pos_h'):
            return NumHeads(width // tensor.shape[1], f'from {name}')
    return None


def _usual(width: int, depth: int) -> NumHeads | None:
    """Heads of the well-known ViT of this size, else 64 wide ones."""
    for size in _SIZES:
        arch = ARCHS[size]
        if (arch['embed_dims'], arch['num_layers']) == (width, depth):
            return NumHeads(arch['num_heads'], f'as every ViT-{size} has')
    if width % 64:
        return None
    return NumHeads(width // 64, 'ASSUMED: heads 64 wide', guessed=True)


def _from_config_text(text: Any, width: int) -> NumHeads | None:
    """From the config that mmengine stores as text, without running it."""
    found = stored_settings(text)
    arch = 'model.backbone.arch'
    sides: dict[str, Any] = {
        name: found.get(f'{arch}.{name}')
        for name in ('embed_dims', 'num_heads')
    }
    if arch in found:
        ours = 'SiameseIM' in found.get('model.backbone.type', '')
        # the stock table has another 'small'
        zoo = ARCHS if ours else VisionTransformer.arch_zoo
        sides = zoo.get(found[arch].strip('\'"'), {})
    if str(sides.get('embed_dims')) != str(width):
        return None
    heads = str(sides.get('num_heads'))
    if not heads.isdecimal():
        return None
    return NumHeads(int(heads), "from the config in the file's meta")
