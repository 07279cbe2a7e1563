"""The online probe learns, and the model does not notice."""

import torch

from siameseim.watch import OnlineProbeHook
from tests.apple import CopiesToApple, OnApple
from tests.model_fixtures import tiny_model


def test_the_probe_learns_and_changes_nothing_else():
    torch.manual_seed(0)
    model = tiny_model()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    probe = OnlineProbeHook(enabled=True, lr=0.1)
    probe.build(model, torch.tensor([0, 1, 2, 1]))
    state = torch.get_rng_state()
    tokens = torch.randn(4, 5, 16, generator=torch.Generator().manual_seed(1))
    for _ in range(20):
        probe.learn(tokens, torch.tensor([3, 0, 1, 2]))
    assert torch.equal(torch.get_rng_state(), state)
    assert all(
        torch.equal(v, before[k]) for k, v in model.state_dict().items()
    )
    logits = probe.linear(probe.norm(tokens.mean(1)))
    assert logits.argmax(1).tolist() == [1, 0, 1, 2]


def test_labels_on_an_apple_gpu_are_waited_for():
    probe = OnlineProbeHook(enabled=True)
    probe.build(tiny_model(), torch.tensor([0, 1]))
    with CopiesToApple() as copies:
        tokens = torch.randn(2, 5, 16).as_subclass(OnApple)
        probe.learn(tokens, torch.tensor([0, 1]))
    assert copies.waited_for == [True]


def test_features_that_are_not_finite_do_not_spoil_the_probe():
    probe = OnlineProbeHook(enabled=True, lr=0.1)
    probe.build(tiny_model(), torch.tensor([0, 1]))
    tokens = torch.ones(2, 5, 16)
    tokens[0, 0, 0], tokens[1, 2, 3] = float('nan'), float('inf')
    probe.learn(tokens, torch.tensor([0, 1]))
    assert all(p.isfinite().all() for p in probe.linear.parameters())
