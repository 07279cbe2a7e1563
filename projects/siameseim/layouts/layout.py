"""Which program wrote a checkpoint, and where the ViT backbone is in it."""

import re
from typing import Any, NamedTuple

from torch import Tensor

from .huggingface import is_huggingface, join_qkv

# Every ViT layout names its patch embedding like this; what stands before it
# is the prefix of a backbone.
_PATCH_EMBED = re.compile(r'(.*?)patch_embed\.(?:proj|projection)\.weight')
_CONTAINERS = ('state_dict', 'model', 'state')
_BRANCH_PREFIXES = (
    # layout, prefix of the online branch, of the target branch
    ('SiameseIM training', 'backbone.', 'target.backbone.'),
    ('published pretraining', '', 'mm_'),
    ('mmpretrain MoCo v3', 'backbone.', 'momentum_encoder.module.0.'),
    ('mmpretrain BYOL', 'backbone.', 'target_net.module.0.'),
)


class Layout(NamedTuple):
    """A recognised checkpoint layout."""

    name: str  # for people
    # of the backbone's tensors: 'online' and 'target', or 'only'
    prefixes: dict[str, str]
    noncommercial: bool = False  # published, and so under CC-BY-NC


def state_of(contents: dict[str, Any]) -> dict[str, Tensor]:
    """The tensors of a checkpoint by name, without wrappers' prefixes.

    Those of a Hugging Face ViT, which splits query, key and value, are
    brought to our names at once.
    """
    state = stored_state(contents)
    return join_qkv(state) if is_huggingface(state.keys()) else state


def stored_state(contents: dict[str, Any]) -> dict[str, Tensor]:
    """The tensors as the file names them, but for wrappers' prefixes."""
    for key in _CONTAINERS:
        if isinstance(contents.get(key), dict):
            contents = contents[key]
            break
    return {
        re.sub(r'^(module\.|_orig_mod\.)+', '', name): tensor
        for name, tensor in contents.items()
        if isinstance(tensor, Tensor)
    }


def identify(contents: dict[str, Any], prefix: str | None = None) -> Layout:
    """Tell the layout of a checkpoint from the names in it.

    Args:
        contents (dict[str, Any]): the whole file.
        prefix (str, optional): prefix of the wanted backbone, for files
            with several that are not known branches. Defaults to None.

    Raises:
        ValueError: if there is no ViT backbone, or several.
    """
    names = stored_state(contents).keys()
    if is_huggingface(names):
        return Layout('Hugging Face ViT', dict(only=''))
    found = {m[1] for m in map(_PATCH_EMBED.fullmatch, names) if m}
    if prefix is not None:
        return _single(names, contents, _given(prefix, found))
    for layout, online, target in _BRANCH_PREFIXES:
        if found == {online, target}:
            return Layout(
                layout,
                dict(online=online, target=target),
                # a file of ours says itself what licence it is under
                noncommercial=layout.startswith('published')
                and 'meta' not in contents,
            )
    if len(found) == 1:
        return _single(names, contents, found.pop())
    if not found:
        raise ValueError(
            'it has no tensor named like a ViT patch embedding '
            f'(patch_embed.proj.weight); it starts with {[*names][:5]}'
        )
    raise ValueError(
        f'it has several backbones, with the prefixes {sorted(found)}: '
        'choose one with prefix=... in init_cfg'
    )


def _given(prefix: str, found: set[str]) -> str:
    """The found prefix a user means; a missing dot at the end is forgiven."""
    for candidate in (prefix, f'{prefix}.'):
        if candidate in found:
            return candidate
    raise ValueError(
        f'it has no backbone with the prefix {prefix!r}, only with '
        f'{sorted(found)}: correct prefix=... in init_cfg or leave it out'
    )


def _single(names: Any, contents: dict[str, Any], prefix: str) -> Layout:
    """Name the layout of a file by what else is in it."""
    roots = {name.split('.')[0] for name in names}
    if f'{prefix}blocks.0.norm1.weight' in names:
        if prefix.endswith('net.'):
            return Layout('detectron2 ViTDet', dict(only=prefix))
        if 'fc_norm' in roots and 'args' in contents:
            return Layout('published fine-tuning', dict(only=prefix), True)
        decoder = 'decoder_blocks' in roots
        return Layout('MAE' if decoder else 'timm', dict(only=prefix))
    if {'roi_head', 'rpn_head', 'bbox_head'} & roots:
        return Layout('mmdet', dict(only=prefix))
    if 'decode_head' in roots:
        return Layout('mmseg', dict(only=prefix))
    if 'head' in roots and prefix:
        return Layout('mmpretrain classifier', dict(only=prefix))
    return Layout('mmpretrain', dict(only=prefix))
