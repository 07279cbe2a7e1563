"""A trained model with its config, checkpoint and log."""

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmpretrain.registry import MODELS

from ..checkpoints.last_checkpoint import find_last_checkpoint, saved_in
from ..config_text import stored_settings
from ..errors import InputError
from ..layouts.safe_load import load_file
from ..models import SiameseIM


@dataclass(frozen=True)
class LoadedRun:
    """What a report is made of."""

    cfg: Config  # of the pretraining
    model: SiameseIM  # in eval mode, on the CPU
    checkpoint: Path  # where its weights are from
    done: dict[str, int]  # ``epoch`` and ``iter`` of the checkpoint
    log: list[dict[str, Any]]  # lines of the JSON logs, resumes joined
    info: dict[str, Any]  # what the run's hooks keep in the checkpoint
    images: int  # of a process and step, by the config that was trained with


def load_run(place: str | Path, config: Path | None = None) -> LoadedRun:
    """Load a work directory, or one checkpoint.

    Args:
        place (str | Path): a work directory, whose last checkpoint is taken,
            or a checkpoint that training wrote.
        config (Path, optional): defaults to the copy that the checkpoint's
            run left in the work directory. The copy inside a checkpoint is
            not used: it is Python code, which a file of weights should not
            bring along.

    Raises:
        FileNotFoundError: if checkpoint or config cannot be found.
        ValueError: if the file holds no SiameseIM training state, or not
            that of the config.
    """
    place = Path(place)
    in_folder = place.is_dir()
    folder = place if in_folder else place.parent
    checkpoint = _last_checkpoint(place, config) if in_folder else place
    if checkpoint is None or not checkpoint.is_file():
        raise FileNotFoundError(
            f'{place} holds no checkpoint: give a work directory in which '
            'tools/train.py has saved one, or a .pth file'
        )
    saved = load_file(str(checkpoint))
    if 'state_dict' not in saved or 'meta' not in saved:
        raise ValueError(
            f'{checkpoint} is no checkpoint of a pretraining run (it holds '
            f'{sorted(saved)[:5]}): a report needs the whole model, with '
            'projector, predictor and target'
        )
    run = str(saved['meta'].get('experiment_name', ''))  # NAME_DAY_TIME
    stamp = run[-15:]  # as the run's folder of logs is named
    config = config or _find_config(folder, run[:-16], stamp)
    cfg = _read_config(config)
    model = _build(cfg, config)
    try:
        model.load_state_dict(saved['state_dict'])
    except RuntimeError as error:
        first = next(filter(None, map(str.strip, str(error).split('\n')[1:])))
        raise ValueError(
            f'{checkpoint} does not fit the model of {config}: {first}'
        ) from error
    done = {name: int(saved['meta'][name]) for name in ('epoch', 'iter')}
    log = read_log(log_files(folder, stamp), done['iter'])
    info = saved.get('message_hub', {}).get('runtime_info', {})
    loader = cfg.train_dataloader
    trained = stored_settings(info.get('cfg'))  # a --config may differ
    images = int(trained.get('train_dataloader.batch_size', loader.batch_size))
    return LoadedRun(cfg, model, checkpoint, done, log, info, images)


def log_files(folder: Path, stamp: str) -> list[Path]:
    """JSON logs of a run and of what went before, the oldest first.

    Args:
        folder (Path): work directory, in which a later run may have begun.
        stamp (str): name of the run's own folder of logs; '' takes all.
    """
    files = sorted(folder.glob('*/vis_data/scalars.json'))
    return [f for f in files if not stamp or f.parts[-3] <= stamp]


def read_log(
    files: Iterable[Path], last: float = math.inf
) -> list[dict[str, Any]]:
    """Lines of JSON logs; where two overlap, those of the later one.

    Args:
        files (Iterable[Path]): ``vis_data/scalars.json`` of the log folders
            of a run, the oldest first.
        last (float): iteration up to which lines count. Defaults to all.
    """
    lines: list[dict[str, Any]] = []
    for path in files:
        later = _log_lines(path)
        begin = min((line['step'] for line in later), default=math.inf)
        if begin <= 1:  # no resume: another run began here
            lines = []
        lines = [line for line in lines if line['step'] < begin] + later
    lines.sort(key=lambda line: line['step'])
    return [line for line in lines if line['step'] <= last]


def _log_lines(path: Path) -> list[dict[str, Any]]:
    """What stands in one file, but for a last line that was cut off."""
    *whole, _ = path.read_text().split('\n')
    lines = []
    for number, text in enumerate(whole, 1):
        try:
            lines.append(json.loads(text))
        except json.JSONDecodeError as error:
            raise InputError(
                f'line {number} of {path} is no JSON ({error}): remove the '
                'line, or the file if the disk was full'
            ) from error
    return lines


def curves_of(
    log: list[dict], names: tuple[str, ...]
) -> dict[str, tuple[list, list]]:
    """Iterations and values of those names that the log holds."""
    curves = {}
    for name in names:
        lines = [line for line in log if name in line]
        if lines:
            curves[name] = (
                [line['step'] for line in lines],
                [line[name] for line in lines],
            )
    return curves


def _last_checkpoint(folder: Path, config: Path | None) -> Path | None:
    """The one saved last: in the work directory, or where its config says."""
    found = find_last_checkpoint(str(folder))
    copies = sorted(folder.glob('*/vis_data/config.py'))
    config = config or (copies[-1] if copies else None)
    if found or config is None:
        return found
    cfg = _read_config(config)
    cfg.work_dir = str(folder)
    return find_last_checkpoint(saved_in(cfg))


def _read_config(path: Path) -> Config:
    try:
        return Config.fromfile(path)
    except SyntaxError as error:
        raise InputError(
            f'{path} is damaged (line {error.lineno}: {error.msg}): give '
            'the config of the run with --config'
        ) from error


def _build(cfg: Config, path: Path) -> SiameseIM:
    """The model of a config in eval mode, if it is one of the method's."""
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        model = MODELS.build(cfg.model)
    if not isinstance(model, SiameseIM):
        raise InputError(
            f'{path} trains a {type(model).__name__}: a report is of '
            'SiameseIM; tools/knn.py measures the features of other methods'
        )
    return model.eval()


def _find_config(folder: Path, name: str, stamp: str) -> Path:
    """The config that training copied beside the checkpoint.

    One of another config in the same work directory leaves its own there.
    """
    files = sorted(folder.glob('*.py'))
    copies = [folder / stamp / 'vis_data/config.py', folder / f'{name}.py']
    copies += files if len(files) == 1 else []
    for copy in copies:
        if copy.is_file():
            return copy
    names = ', '.join(file.name for file in files[:5]) or 'no *.py'
    raise FileNotFoundError(
        f'the config of the run does not lie in {folder} (there: {names}): '
        'give it with --config'
    )
