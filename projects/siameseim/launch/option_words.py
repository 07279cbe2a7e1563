"""Words on a command line where a config has numbers and switches."""

from collections.abc import Mapping
from typing import Any

from mmengine.config import Config

from ..errors import InputError

_SWITCHES = {'yes': 'True', 'on': 'True', 'no': 'False', 'off': 'False'}
# Settings that are always numbers; others, such as a priority, may be texts.
_NUMBERS = (
    *('max_epochs', 'max_iters', 'val_interval', 'interval'),
    *('batch_size', 'num_workers', 'lr', 'weight_decay', 'warmup', 'seed'),
)


def check_words(cfg: Config, options: Mapping[str, Any]) -> None:
    """Refuse words for True, False and None, and words for a number.

    mmengine reads ``enabled=off`` as a text, which counts as True.

    Raises:
        InputError: naming the setting, the word and what to write.
    """
    for name, word in options.items():
        if not isinstance(word, str):
            continue
        text = f'--cfg-options {name}={word} would be the text {word!r}'
        cure = _cure(cfg, name, word)
        if cure is not None:
            raise InputError(f'{text}: write {name}={cure}')
        if name == 'resume':
            raise InputError(f'{text}: write resume=True or resume=False')
        if name.rpartition('.')[2] in _NUMBERS:
            raise InputError(f'{text}, but it must be a number')


def _cure(cfg: Config, name: str, word: str) -> str | None:
    """What to write in place of a word; None where it may stand."""
    if word.lower() in _SWITCHES:
        return _SWITCHES[word.lower()]
    stated = _stated(cfg, name)
    nothing = word.lower() in ('none', 'null') and not isinstance(stated, str)
    return 'None' if nothing else None


def _stated(cfg: Config, name: str) -> Any:
    """The config's own value of a setting; a text where it has none."""
    value: Any = cfg
    for part in name.split('.'):
        try:
            value = value[int(part) if isinstance(value, list) else part]
        except (KeyError, IndexError, TypeError, ValueError):
            return ''
    return value
