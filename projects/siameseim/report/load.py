"""A trained model with its config, checkpoint and log."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmpretrain.registry import MODELS

from ..convert.safe_load import load_file
from ..engine.last_checkpoint import find_last_checkpoint
from ..models import SiameseIM


@dataclass(frozen=True)
class LoadedRun:
    """What a report is made of.

    Attributes:
        cfg (Config): the pretraining config.
        model (SiameseIM): in eval mode, on the CPU.
        checkpoint (Path): where its weights are from.
        done (dict): ``epoch`` and ``iter`` of the checkpoint.
        log (list[dict]): lines of the JSON logs, resumes joined.
    """

    cfg: Config
    model: SiameseIM
    checkpoint: Path
    done: dict[str, int]
    log: list[dict[str, Any]]


def load_run(place: Path, config: Path | None = None) -> LoadedRun:
    """Load a work directory, or one checkpoint.

    Args:
        place (Path): a work directory, whose last checkpoint is taken, or a
            checkpoint that training wrote.
        config (Path, optional): defaults to the copy that training left in
            the work directory. The copy inside a checkpoint is not used: it
            is Python code, which a file of weights should not bring along.

    Raises:
        FileNotFoundError: if checkpoint or config cannot be found.
        ValueError: if the file holds no SiameseIM training state, or not
            that of the config.
    """
    checkpoint = find_last_checkpoint(str(place)) if place.is_dir() else place
    if checkpoint is None or not checkpoint.is_file():
        raise FileNotFoundError(
            f'{place} holds no checkpoint: give a work directory in which '
            'tools/train.py has saved one, or a .pth file'
        )
    folder = checkpoint.parent
    config = config or _find_config(folder)
    cfg = Config.fromfile(config)
    saved = load_file(str(checkpoint))
    if 'state_dict' not in saved or 'meta' not in saved:
        raise ValueError(
            f'{checkpoint} is no checkpoint of a pretraining run (it holds '
            f'{sorted(saved)[:5]}): a report needs the whole model, with '
            'projector, predictor and target'
        )
    model = MODELS.build(cfg.model)
    try:
        model.load_state_dict(saved['state_dict'])
    except RuntimeError as error:
        first = next(filter(None, map(str.strip, str(error).split('\n')[1:])))
        raise ValueError(
            f'{checkpoint} does not fit the model of {config}: {first}'
        ) from error
    model.eval()
    done = {name: int(saved['meta'][name]) for name in ('epoch', 'iter')}
    log = read_log(sorted(folder.glob('*/vis_data/scalars.json')))
    return LoadedRun(cfg, model, checkpoint, done, log)


def read_log(files: Iterable[Path]) -> list[dict[str, Any]]:
    """Lines of JSON logs; of an iteration logged twice the later one.

    Args:
        files (Iterable[Path]): ``vis_data/scalars.json`` of the log folders
            of a run, the oldest first.
    """
    lines: dict[tuple, dict] = {}
    for path in files:
        for text in path.read_text().splitlines():
            line = json.loads(text)
            lines[line['step'], 'loss' in line] = line
    return [lines[key] for key in sorted(lines)]


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


def _find_config(folder: Path) -> Path:
    """The config that training copied beside the checkpoint."""
    files = sorted(folder.glob('*.py')) or sorted(
        folder.glob('*/vis_data/config.py')
    )
    if not files:
        raise FileNotFoundError(
            f'no config (*.py) lies in {folder}: give it with --config'
        )
    return files[-1]
