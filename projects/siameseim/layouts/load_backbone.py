"""Loading pretrained weights into a backbone, or failing loudly."""

import re
from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn

from ..errors import InputError, some
from ..log import tell, warn
from .backbone_file import BackboneFile, read_backbone
from .normalisation import IMAGENET, attach, find_normalisation
from .num_heads import warn_of_other_heads
from .plain_tensors import add_biases, fold_scales, foreign
from .sizes import sizes

MIN_MATCHED = 0.95
# What fine-tuning adds to a pretrained backbone and may start from scratch:
# relative positions, final and pooling norm, pyramid.
ADDED = re.compile(r'.*\.rel_pos_[hw]$|ln[12]\.|resample\.')


def split_init_cfg(
    init_cfg: dict | list[dict] | None,
) -> tuple[list[dict] | None, dict[str, Any] | None]:
    """Separate ``Pretrained`` from other initialisers.

    Returns:
        tuple: the other initialisers for mmengine, and the arguments of
        ``load_pretrained``; each None if there is none.

    Raises:
        InputError: if ``Pretrained`` comes with a field it does not know.
    """
    cfgs = [init_cfg] if isinstance(init_cfg, dict) else [*(init_cfg or [])]
    others = [cfg for cfg in cfgs if not _is_pretrained(cfg)]
    pretrained = [cfg for cfg in cfgs if _is_pretrained(cfg)]
    if not pretrained:
        return others or None, None
    fields = {k: v for k, v in pretrained[-1].items() if k != 'type'}
    unknown = fields.keys() - {'checkpoint', 'branch', 'prefix'}
    if unknown or 'checkpoint' not in fields:
        raise InputError(
            "init_cfg=dict(type='Pretrained', ...) takes checkpoint and, if "
            f'needed, branch and prefix; got {sorted(fields)}'
        )
    return others or None, fields


def load_pretrained(
    model: nn.Module,
    checkpoint: str,
    branch: str | None = None,
    prefix: str | None = None,
) -> None:
    """Load a checkpoint of any known layout into one of our backbones.

    Logs how many tensors came from where, what was left out and why.

    Args:
        model (nn.Module): a ``SiameseIMViT`` or a subclass.
        checkpoint (str): path or http(s) address of a training checkpoint or
            an exported backbone of ours, a published file, a file of MAE,
            timm, detectron2's ViTDet, mmpretrain, mmdet or mmseg, or the
            file or folder of a Hugging Face ViT.
        branch (str, optional): 'online' (the default) or 'target'.
        prefix (str, optional): see ``read_backbone``.

    Raises:
        FileNotFoundError: if there is no such file.
        InputError: if the file is unsafe, unknown, of another size or kind,
            or holds less than 95 % of the backbone.
    """
    try:
        file = read_backbone(checkpoint, branch, prefix)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f'{error}: correct checkpoint in init_cfg of the backbone, with '
            '--cfg-options model.backbone.init_cfg.checkpoint=FILE where the '
            'config has a model.backbone'
        ) from error
    _check_sizes(model, file)
    own = model.state_dict()
    file, changed = _fitted(file, own)
    matched = {n: t for n, t in file.tensors.items() if n in own}
    wanted = [n for n in own if n in matched or not ADDED.match(n)]
    missing = sorted({*wanted} - matched.keys())
    spare = sorted(file.tensors.keys() - matched.keys())
    if len(matched) < MIN_MATCHED * len(wanted):
        left_out = f'left out: {some(spare)}; ' if spare else ''
        raise InputError(
            f'{checkpoint} ({file.layout.name}) holds only {len(matched)} of '
            f'{len(wanted)} backbone tensors; missing: {some(missing)}; '
            f'{left_out}check that it is the right file and the model the '
            'right kind'
        )
    warn_of_other_heads(model, file)
    model.load_state_dict(matched, strict=False)
    attach(model, find_normalisation(file.extra))
    counts = f'{len(matched)} of {len(wanted)}'
    added = sorted(own.keys() - {*wanted})
    for line in [*_report(file, counts, spare, missing, added), *changed]:
        tell(line)


def warn_if_absent(state_dict: dict[str, Any], prefix: str) -> None:
    """Say when a state dict that is being loaded lacks a whole backbone.

    mmengine's ``load_from`` skips what it does not know, which would leave
    the backbone random without a word.
    """
    if any(name.startswith(prefix) for name in state_dict):
        return
    warn(
        f'the loaded file has no tensor named {prefix}..., so the backbone '
        'keeps the weights it has. To load pretrained weights use '
        "init_cfg=dict(type='Pretrained', checkpoint=...) in the backbone "
        'instead of load_from'
    )


def _is_pretrained(cfg: dict) -> bool:
    name = getattr(cfg['type'], '__name__', cfg['type'])
    return name in ('Pretrained', 'PretrainedInit')


def _fitted(
    file: BackboneFile, own: dict[str, Tensor]
) -> tuple[BackboneFile, list[str]]:
    """The file as a model of its kind has it, and what that changed."""
    tensors = dict(file.tensors)
    changed: list[str] = []
    if not any('gamma' in name for name in own):
        changed += fold_scales(tensors)
    if any(name.endswith('qkv.bias') for name in own):
        changed += add_biases(tensors)
    every = {**tensors, **file.own_rest}
    lost = [name for name in foreign(every) if name not in own]
    if lost:
        raise InputError(
            f'{file.source} ({file.layout.name}) is another kind of ViT: this '
            f'model has no place for {some(lost)}, without which its '
            'features would be others. tools/convert.py --allow-lossy leaves '
            'relative positions out'
        )
    return file._replace(tensors=tensors), changed


def _check_sizes(model: nn.Module, file: BackboneFile) -> None:
    """Refuse a file of another width, patch size or depth."""
    theirs = sizes(file.tensors)
    ours = sizes(model.state_dict())
    for name, size in theirs.items():
        if size is not None and size != ours[name]:
            every = ', '.join(f'{n}={s}' for n, s in theirs.items())
            raise InputError(
                f'{file.source} ({file.layout.name}) holds a backbone with '
                f'{name} {size}, the model has {name} {ours[name]}: build '
                f'the model in the sizes of the file ({every}), or load '
                'another file'
            )


def _report(
    file: BackboneFile,
    counts: str,
    spare: list[str],
    missing: list[str],
    added: list[str],
) -> Iterator[str]:
    """Log lines: what was loaded, what was not and why."""
    yield (
        f'loaded {counts} backbone tensors from {file.source} '
        f'({file.layout.name}, {file.branch} branch)'
    )
    left_out = [*file.left_out]
    if spare:
        left_out.append(
            f'{len(spare)} this model has no place for: {some(spare)}'
        )
    if left_out:
        yield 'left out from the file: ' + '; '.join(left_out)
    if missing:
        yield 'not in the file, so at their initial values: ' + some(missing)
    if added:
        yield (
            'what this model adds to a pretrained backbone is at its initial '
            'values: ' + some(added)
        )
    statistics = find_normalisation(file.extra)
    if statistics != IMAGENET:
        yield (
            f'trained on images normalised by {statistics}, not by '
            "ImageNet's: a config that trains or tests this backbone needs "
            'the same in its data_preprocessor'
        )
    if file.layout.noncommercial:
        yield (
            'the published SiameseIM weights are licensed CC-BY-NC 4.0: '
            'no commercial use'
        )
