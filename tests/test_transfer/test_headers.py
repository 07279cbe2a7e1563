"""What the transfer configs say at their top is whole and consistent."""

import re

import pytest
from mmengine.config import Config

from tests.transfer_fixtures import ROOT

CONFIGS = sorted((ROOT / 'configs').glob('*tion/*.py'))


def header(path):
    """The comments before the first line of code, as one line."""
    lines = path.read_text().split('\n_base_ =')[0].splitlines()
    return ' '.join(line.removeprefix('#').strip(' \\') for line in lines)


ACCUMULATING = [
    path
    for path in CONFIGS
    if 'accumulative_counts=' in header(path)
    and path.parent.name != 'classification'  # warms up in epochs
]


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_it_opens_with_what_a_reader_needs(path):
    head = path.read_text().split('\n_base_ =')[0]
    for word in ('Command', 'Hardware', 'Expected', 'Numbers'):
        assert f'# {word}' in head, word


@pytest.mark.parametrize('path', ACCUMULATING, ids=lambda path: path.stem)
def test_accumulating_commands_keep_batch_and_warm_up(path):
    """The warm-up is counted in iterations, not in optimizer steps."""
    toolbox = 'mmdet' if path.parent.name == 'detection' else 'mmseg'
    pytest.importorskip(toolbox)
    cfg = Config.fromfile(path)
    commands = header(path).split('--cfg-options')[1:]
    checked = 0
    accumulation = cfg.optim_wrapper.get('accumulative_counts', 1)
    gpus = int(re.search(r'_(\d+)xb', path.stem)[1])
    batch = cfg.train_dataloader.batch_size * gpus
    for command in commands:
        given = dict(re.findall(r'([\w.]+)=(\d+)', command))
        counts = given.get('optim_wrapper.accumulative_counts')
        if counts is None:
            continue
        warm_up = cfg.param_scheduler[0].end / accumulation
        assert int(given['param_scheduler.0.end']) == warm_up * int(counts)
        size = given.get(
            'train_dataloader.batch_size', cfg.train_dataloader.batch_size
        )
        processes = 1 if gpus == 1 or 'One GPU' in header(path) else gpus
        assert int(size) * int(counts) * processes == batch * accumulation
        checked += 1
    assert checked == 1
