"""Stock checkpoints load; a file that carries code does not."""

import argparse
import os
import pickle

import pytest
import torch
from mmengine.logging import HistoryBuffer

from siameseim.errors import InputError

STOCK = {
    'default_hooks.checkpoint.type': 'CheckpointHook',
    'default_hooks.runtime_info.type': 'RuntimeInfoHook',
    'custom_hooks': [dict(type='MomentumTargetHook')],
}


def test_checkpoint_of_the_stock_hooks_resumes(toy_run, tmp_path):
    toy_run('stock', options=STOCK)
    saved = torch.load(tmp_path / 'stock/epoch_2.pth', weights_only=True)
    history = saved['message_hub']['log_scalars']['train/loss']
    assert isinstance(history, HistoryBuffer)
    resumed = toy_run('stock', options=STOCK, resume='stock/epoch_2.pth')
    assert resumed.iter == 18


class Malicious:
    def __init__(self, call):
        self.call = call

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize(
    'call',
    [
        (os.system, ('touch {}',)),
        (getattr, (torch.Tensor, '__init__')),
        (getattr, (HistoryBuffer, '__init__')),
        (getattr, (HistoryBuffer.mean, '__globals__')),
        (eval, ('open("{}", "w")',)),
    ],
)
def test_code_in_a_checkpoint_is_refused_and_not_run(tmp_path, call):
    victim = tmp_path / 'victim'
    call = (
        call[0],
        tuple(x.format(victim) if isinstance(x, str) else x for x in call[1]),
    )
    torch.save({'state_dict': Malicious(call)}, tmp_path / 'bad.pth')
    with pytest.raises((pickle.UnpicklingError, AttributeError)):
        torch.load(tmp_path / 'bad.pth')
    assert not victim.exists()


@pytest.mark.parametrize('size', [0, 100, 3000])
def test_a_checkpoint_that_was_cut_short_is_named(toy_run, tmp_path, size):
    """Of the last torch says 'Invalid argument', of the first nothing."""
    toy_run()
    last = tmp_path / 'run/epoch_3.pth'
    last.write_bytes(last.read_bytes()[:size])
    with pytest.raises(InputError, match=rf'{last} is no .* --resume FILE'):
        toy_run(resume='run/epoch_3.pth')


def test_a_gpu_that_is_full_is_no_damaged_checkpoint(
    toy_run, tmp_path, monkeypatch
):
    """Mmengine reads a checkpoint onto the device."""

    def load(*_, **__):
        raise torch.OutOfMemoryError('CUDA out of memory')

    toy_run(epochs=1)
    monkeypatch.setattr(torch, 'load', load)
    with pytest.raises(torch.OutOfMemoryError):
        toy_run(resume='run/epoch_1.pth')


def test_namespaces_of_published_files_are_let_in(tmp_path):
    args = argparse.Namespace(lr=0.1)
    torch.save({'args': args}, tmp_path / 'published.pth')
    assert torch.load(tmp_path / 'published.pth')['args'] == args
