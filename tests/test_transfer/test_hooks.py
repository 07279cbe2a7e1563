"""What is added to the hooks of a toolbox's config."""

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
