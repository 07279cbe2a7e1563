"""The backbone in a checkpoint of any known layout, by our names."""

from collections import Counter
from typing import Any, NamedTuple

from torch import Tensor

from ..errors import InputError
from .layout import Layout, identify, state_of
from .names import is_backbone, timm_to_ours
from .safe_load import load_file

# What programs save beside tensors to say what they are.
_DESCRIBING = ('config', 'meta', 'preprocessor')


class BackboneFile(NamedTuple):
    """One backbone read from a file."""

    source: str  # path or address of the file
    tensors: dict[str, Tensor]  # by the names of our backbone
    layout: Layout
    branch: str  # 'online', 'target' or 'only'
    left_out: list[str]  # for people: what else the file holds, and why not
    names: dict[str, str]  # name in the file of each tensor
    rest: dict[str, Tensor]  # the other tensors, by the file's names
    # args, which may be anything; config, meta and preprocessor are dicts
    extra: dict[str, Any]

    @property
    def own_rest(self) -> dict[str, Tensor]:
        """The part of ``rest`` that is not of the other branch, if any."""
        own = self.layout.prefixes[self.branch]
        other = {p for p in self.layout.prefixes.values() if len(p) > len(own)}
        return {
            name: tensor
            for name, tensor in self.rest.items()
            if name.startswith(own) and not name.startswith(tuple(other))
        }


def read_backbone(
    source: str, branch: str | None = None, prefix: str | None = None
) -> BackboneFile:
    """Read one backbone from a checkpoint of any known layout.

    Args:
        source (str): path or http(s) address.
        branch (str, optional): 'online' or 'target', where the file has
            both. Defaults to None: online.
        prefix (str, optional): prefix of the backbone's tensors, needed only
            for files with several that are not known branches.

    Raises:
        FileNotFoundError: if there is no such file.
        InputError: if it holds no such backbone or is not safe to load.
    """
    contents = load_file(source)
    try:
        layout = identify(contents, prefix)
        branch = _branch(layout, branch)
    except ValueError as error:
        raise InputError(f'no backbone loaded from {source}: {error}') from (
            error
        )
    state = state_of(contents)
    names = _extract([*state], layout.prefixes[branch])
    if 'pos_embed' not in names and 'pos_embed' in state:
        # published files store the fixed positions of both branches once
        names['pos_embed'] = 'pos_embed'
    taken = {*names.values()}
    rest = {name: t for name, t in state.items() if name not in taken}
    return BackboneFile(
        source,
        tensors={ours: state[name] for ours, name in names.items()},
        layout=layout,
        branch=branch,
        left_out=_explain([*rest], layout, branch),
        names=names,
        rest=rest,
        extra=_description(contents),
    )


def _description(contents: dict[str, Any]) -> dict[str, Any]:
    """Other programs' own kinds of config or meta are passed over."""
    said = {name: contents.get(name) for name in _DESCRIBING}
    dicts = {k: v if isinstance(v, dict) else {} for k, v in said.items()}
    return {'args': contents.get('args'), **dicts}


def _branch(layout: Layout, wanted: str | None) -> str:
    """The branch to take; online unless asked otherwise."""
    if wanted not in (None, 'online', 'target'):
        raise InputError(
            f"branch={wanted!r} is unknown: choose 'online' or 'target'"
        )
    if 'only' in layout.prefixes:
        if wanted == 'target':
            raise InputError(
                f"branch='target' was asked for, but it is a {layout.name} "
                'file without branches: leave branch out, or load the '
                'training checkpoint'
            )
        return 'only'
    return wanted or 'online'


def _extract(names: list[str], prefix: str) -> dict[str, str]:
    """Our name -> the file's, of the tensors of a prefix's backbone."""
    found = {
        timm_to_ours(name.removeprefix(prefix)): name
        for name in names
        if name.startswith(prefix)
    }
    return {ours: name for ours, name in found.items() if is_backbone(ours)}


def _explain(rest: list[str], layout: Layout, branch: str) -> list[str]:
    """One phrase for each reason why tensors of the file were not taken."""
    phrases = []
    for other, prefix in layout.prefixes.items():
        if other != branch:
            names = {*_extract(rest, prefix).values()}
            phrases.append(f'{len(names)} of the {other} backbone')
            rest = [name for name in rest if name not in names]
    counts = Counter(name.split('.')[0] for name in rest)
    if counts:
        listed = ', '.join(f'{root} ({n})' for root, n in counts.items())
        phrases.append(f'{len(rest)} outside the backbone: {listed}')
    return phrases
