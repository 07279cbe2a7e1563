"""What the tests of tools/train.py share."""

import itertools
import multiprocessing
import os
import re
import signal

import numpy as np
import pytest
import torch
from mmengine.hooks import Hook
from mmpretrain.registry import HOOKS
from PIL import Image

from tests.transfer_fixtures import ROOT, tool

SMOKE = ROOT / 'configs/siameseim_smoke.py'
_names = itertools.count()
_EXAMPLES = re.findall(
    r'```python\n(.*?)```', (ROOT / 'docs/extending.md').read_text(), re.S
)


@HOOKS.register_module()
class TerminateAfter(Hook):
    """Sends a signal to this process during a training iteration.

    Where it says so also to the loader's workers, as Slurm does.
    """

    def __init__(self, iteration, name='SIGTERM', workers=False):
        self.iteration, self.workers = iteration, workers
        self.number = signal.Signals[name]

    def after_train_iter(self, runner, batch_idx, **kwargs):
        if runner.iter + 1 == self.iteration:
            for worker in multiprocessing.active_children() * self.workers:
                os.kill(worker.pid, self.number)
            signal.raise_signal(self.number)


@pytest.fixture(scope='session')
def train():
    """tools/train.py as a module."""
    return tool('train')


@pytest.fixture(autouse=True)
def on_cpu(request, monkeypatch):
    """Without CUDA, where runs are bit for bit, unless marked ``gpu``."""
    if 'gpu' not in request.keywords:
        monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
        monkeypatch.setattr('mmengine.device.utils.DEVICE', 'cpu')


@pytest.fixture(scope='session')
def images(tmp_path_factory):
    """26 noisy images in nested folders: 6 batches of 4 and a tail."""
    folder = tmp_path_factory.mktemp('images')
    rng = np.random.default_rng(0)
    for i in range(26):
        path = folder / str(i % 3) / f'{i}.png'
        path.parent.mkdir(exist_ok=True)
        pixels = rng.integers(0, 255, (40 + i, 50, 3), np.uint8)
        Image.fromarray(pixels).save(path)
    return folder


@pytest.fixture
def config(tmp_path):
    """Writes a config on top of the smoke one; returns its path."""

    def write(text=''):
        path = tmp_path / f'config{next(_names)}.py'
        path.write_text(
            f'_base_ = [{str(SMOKE)!r}]\nlog_level = "WARNING"\n'
            f'experiment_name = "{path.stem}{next(_names)}"\n{text}'
        )
        return str(path)

    return write


@pytest.fixture
def start(train, config, images, tmp_path):
    """Runs tools/train.py on images; returns its work directory.

    Of the smoke config with some text after it, or of another file.
    """

    def run(text='', *options, file=None, data=images, work='work'):
        folder = tmp_path / work
        needed = [file or config(text), '--data', data, '--work-dir', folder]
        train.main([str(word) for word in (*needed, *options)])
        return folder

    return run


@pytest.fixture
def told(start):
    """What it says when it ends with an error; arguments as `start`."""

    def message(*args, **kwargs):
        with pytest.raises(SystemExit) as stop:
            start(*args, **kwargs)
        return str(stop.value)

    return message


def block(text):
    """The only example that has this text."""
    [one] = [found for found in _EXAMPLES if text in found]
    return one


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """Lets configs import an example as the file that it names."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(name):
        (tmp_path / f'{name}.py').write_text(block(f'# {name}.py\n'))
        return f"custom_imports = dict(imports=['siameseim', '{name}'])\n"

    return write
