"""What is added to the hooks of a toolbox's config."""

import os

import torch

from siameseim.engine import runtime_info_hook
from tests.test_transfer.conftest import ITERATIONS


def test_checkpoints_do_not_grow_with_the_iterations(
    train, tmp_path, monkeypatch
):
    monkeypatch.setattr(runtime_info_hook, '_HISTORY', 5)
    assert train(ITERATIONS) == 0
    saved = torch.load(tmp_path / 'run/iter_30.pth', weights_only=False)
    scalars = saved['message_hub']['log_scalars']
    lengths = {name: len(values.data[0]) for name, values in scalars.items()}
    assert lengths['train/loss'] == lengths['train/time'] == 5


def test_a_full_disk_leaves_the_one_checkpoint_that_is_kept(
    train, last, tmp_path, monkeypatch
):
    text = f"{ITERATIONS}default_hooks['checkpoint'].update(max_keep_ckpts=1)"
    replace = os.replace

    def full(source, target):
        if str(target).endswith('iter_24.pth'):
            raise OSError(28, 'No space left on device')
        replace(source, target)

    monkeypatch.setattr(os, 'replace', full)
    assert 'No space left' in train(f'{text}\n')
    assert last() == 'iter_12.pth'
    monkeypatch.undo()
    assert train(f'{text}\n', '--resume') == 0
    assert [f.name for f in tmp_path.glob('run/*.pth')] == ['iter_30.pth']


def test_what_a_killed_run_had_yet_to_remove_is_removed(train, tmp_path):
    """It had written the new file, and named it as the last one."""
    text = f"{ITERATIONS}default_hooks['checkpoint'].update(max_keep_ckpts=1)"
    shorter = ('--cfg-options', 'train_cfg.max_iters=24')
    assert train(f'{text}\n', *shorter) == 0
    (tmp_path / 'run/iter_12.pth').touch()
    assert train(f'{text}\n', '--resume') == 0
    assert [f.name for f in tmp_path.glob('run/*.pth')] == ['iter_30.pth']
