"""Transfer configs at toy size: command lines and what they logged."""

import importlib.util
import json
import runpy
from pathlib import Path

import pytest
import torch
from mmengine.logging import MMLogger
from mmengine.visualization import Visualizer
from mmpretrain.registry import MODELS

from siameseim.downstream import SiameseIMDenseViT
from tests.two_processes import finished, on_cpus
from tests.vit_fixtures import saved

ROOT = Path(__file__).resolve().parents[1]


def tool(name):
    """The module of a file in tools/, whose runs have logs of their own.

    Those of one name and second would share the first one's.
    """
    MMLogger._instance_dict.clear()
    forget_visualizers()
    path = ROOT / f'tools/{name}.py'
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run_stock(toolbox, name, argv, monkeypatch):
    """Run a tool that the toolbox ships, in this process."""
    package = Path(importlib.util.find_spec(toolbox).origin).parent
    path = str(package / f'.mim/tools/{name}.py')
    monkeypatch.setattr('sys.argv', [path, *map(str, argv)])
    runpy.run_path(path, run_name='__main__')


def train_in_two(argv):
    """Run tools/dist_train.sh in two processes."""
    finished(on_cpus(ROOT / 'tools/dist_train.sh', argv[0], 2, *argv[1:]))


def scores_of(argv, checkpoint, processes, *options):
    """Run tools/test.py in one process or several: the scores.

    Args:
        argv: of tools/train.py, settings last.
        checkpoint: file to be tested.
        processes: number of them.
        *options: more settings.
    """
    out = Path(f'{checkpoint}.{processes}.json')
    command = [ROOT / 'tools/test.py', argv[0], checkpoint, '--out', out]
    launcher = []
    if processes > 1:
        launcher = ['-m', 'torch.distributed.run', '--standalone']
        launcher.append(f'--nproc_per_node={processes}')
        command += ['--launcher', 'pytorch']
    finished(on_cpus('python', *launcher, *command, *argv[1:], *options))
    return json.loads(out.read_text())


def forget_visualizers():
    """Let the next run log to its own folder.

    The toolboxes name their visualizers, and mmengine makes one instance of
    a name in each process.
    """
    kinds = [Visualizer]
    while kinds:
        kind = kinds.pop()
        kind._instance_dict.clear()
        kinds += kind.__subclasses__()


@pytest.fixture(scope='session')
def weights(tmp_path_factory):
    """File with the weights of a ViT-T/16."""
    torch.manual_seed(0)
    vit = SiameseIMDenseViT(arch='tiny', img_size=64)
    vit.init_weights()
    path = tmp_path_factory.mktemp('weights') / 'pretrained.pth'
    return saved(path, vit.state_dict())


@pytest.fixture(autouse=True)
def fresh_visualizer():
    """Each test's runs log to folders of their own."""
    forget_visualizers()


def logged(work_dir):
    """All scalars that a run wrote, in order."""
    files = sorted(Path(work_dir).rglob('scalars.json'))
    return [json.loads(line) for file in files for line in file.open()]


def values(work_dir, name):
    """One scalar's values in the order they were written."""
    return [line[name] for line in logged(work_dir) if name in line]


def width_of(backbone):
    """Width of a backbone by its config, built without memory."""
    plain = dict(type='SiameseIMViT', arch=backbone.arch)
    with torch.device('meta'):
        return MODELS.build(plain).embed_dims
