"""Settings of the command line, and those that nothing would read."""

import difflib
import inspect
from typing import Any

from mmengine.config import Config
from mmengine.runner import Runner

from ..errors import InputError

# What mmengine reads from a config besides the arguments of its runner.
_READ = {
    'activation_checkpointing',
    'compile',
    'custom_imports',
    'efficient_conv_bn_eval',
    'find_unused_parameters',
    'model_wrapper_cfg',
    'sync_bn',
}


def merge_options(cfg: Config, options: dict[str, Any]) -> None:
    """Set what the command line says; refuse what nothing would read.

    mmengine alone adds a misspelt setting and forgets it.

    Only the first part of a name is checked: below it the parts of a run are
    built from all that they are given, and refuse what they do not know.

    Args:
        cfg (Config): as the file says, changed in place.
        options (dict): values by dotted names, as 'train_cfg.max_epochs'.

    Raises:
        InputError: naming the setting, and the nearest that exists.
    """
    known = {*cfg, *_READ, *inspect.signature(Runner).parameters}
    for name in options:
        first, _, rest = name.partition('.')
        if first in known:
            continue
        near = difflib.get_close_matches(first, known, n=1)
        meant = f': did you mean {".".join([*near, rest])}?' if near else ''
        raise InputError(
            f'--cfg-options {name}: {cfg.filename} has no {first}{meant}'
        )
    cfg.merge_from_dict(options)
