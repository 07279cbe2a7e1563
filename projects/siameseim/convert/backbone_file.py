"""The backbone in a checkpoint of any known layout, by our names."""

from collections import Counter
from typing import NamedTuple

from torch import Tensor

from .layouts import Layout, identify, state_of
from .names import is_backbone, timm_to_ours
from .safe_load import load_file


class BackboneFile(NamedTuple):
    """One backbone read from a file.

    Attributes:
        source (str): path or address of the file.
        tensors (dict[str, Tensor]): by the names of our backbone.
        layout (Layout): what kind of file it is.
        branch (str): 'online', 'target' or 'only'.
        left_out (list[str]): for people: what else the file holds and why
            it was not taken.
    """

    source: str
    tensors: dict[str, Tensor]
    layout: Layout
    branch: str
    left_out: list[str]


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
        ValueError: if it holds no such backbone or is not safe to load.
    """
    contents = load_file(source)
    try:
        layout = identify(contents, prefix)
        branch = _branch(layout, branch)
    except ValueError as error:
        raise ValueError(f'no backbone loaded from {source}: {error}') from (
            error
        )
    state = state_of(contents)
    tensors, taken = _extract(state, layout.prefixes[branch])
    if 'pos_embed' not in tensors and 'pos_embed' in state:
        # published files store the fixed positions of both branches once
        tensors['pos_embed'] = state['pos_embed']
        taken.add('pos_embed')
    rest = [name for name in state if name not in taken]
    return BackboneFile(
        source, tensors, layout, branch, _explain(rest, layout, branch)
    )


def _branch(layout: Layout, wanted: str | None) -> str:
    """The branch to take; online unless asked otherwise."""
    if wanted not in (None, 'online', 'target'):
        raise ValueError(
            f"branch={wanted!r} is unknown: choose 'online' or 'target'"
        )
    if 'only' in layout.prefixes:
        if wanted == 'target':
            raise ValueError(
                f"branch='target' was asked for, but it is a {layout.name} "
                'file without branches: leave branch out, or load the '
                'training checkpoint'
            )
        return 'only'
    return wanted or 'online'


def _extract(
    state: dict[str, Tensor], prefix: str
) -> tuple[dict[str, Tensor], set[str]]:
    """The backbone's tensors by our names, and the names they had."""
    tensors, taken = {}, set()
    for name, tensor in state.items():
        if _under(prefix, name):
            tensors[timm_to_ours(name.removeprefix(prefix))] = tensor
            taken.add(name)
    return tensors, taken


def _under(prefix: str, name: str) -> bool:
    """Whether a tensor belongs to the backbone of that prefix."""
    inner = timm_to_ours(name.removeprefix(prefix))
    return name.startswith(prefix) and is_backbone(inner)


def _explain(rest: list[str], layout: Layout, branch: str) -> list[str]:
    """One phrase for each reason why tensors of the file were not taken."""
    phrases = []
    for other, prefix in layout.prefixes.items():
        if other != branch:
            names = {n for n in rest if _under(prefix, n)}
            phrases.append(f'{len(names)} of the {other} backbone')
            rest = [name for name in rest if name not in names]
    counts = Counter(name.split('.')[0] for name in rest)
    if counts:
        listed = ', '.join(f'{root} ({n})' for root, n in counts.items())
        phrases.append(f'{len(rest)} outside the backbone: {listed}')
    return phrases
