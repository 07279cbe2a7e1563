"""Reads the text of a config without running it.

Checkpoints bring the config of their run along, and may come from anywhere.
"""

import ast
from typing import Any


def settings(text: str) -> dict[str, str]:
    """Source text of every single value by its dotted name.

    Args:
        text (str): as ``Config.pretty_text``: assignments of literals, lists,
            dicts and calls of ``dict``.

    Returns:
        dict[str, str]: as {'model.backbone.arch': "'base'"}; places in a
        list are names too ('train_pipeline.0.size').

    Raises:
        SyntaxError: if the text is no Python.
    """
    found: dict[str, str] = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign):
            _collect(ast.unparse(node.targets[0]), node.value, found)
    return found


def stored_settings(text: Any) -> dict[str, str]:
    """``settings`` of what a file stores as its config; none if it is none.

    Args:
        text (Any): a config's text, or whatever other programs put there.
    """
    try:
        return settings(text) if isinstance(text, str) else {}
    except SyntaxError:
        return {}


def _collect(name: str, node: ast.expr, found: dict[str, str]) -> None:
    parts: list[tuple[object, ast.expr]]
    if isinstance(node, ast.Call) and ast.unparse(node.func) == 'dict':
        parts = [(each.arg, each.value) for each in node.keywords]
    elif isinstance(node, ast.Dict):
        pairs = zip(node.keys, node.values, strict=True)
        parts = [(getattr(key, 'value', None), value) for key, value in pairs]
    elif isinstance(node, ast.List | ast.Tuple):
        parts = list(enumerate(node.elts))
    else:
        parts = []
    if not parts:
        found[name] = ast.unparse(node)
    for key, value in parts:
        _collect(f'{name}.{key}', value, found)
