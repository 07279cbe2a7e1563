"""What watching costs, and that measuring it leaves the model alone."""

import torch

from siameseim.benchmark import timing, watching
from siameseim.watch.probe_hook import OnlineProbeHook
from tests.model_fixtures import tiny_model


def test_shares_are_of_a_step(smoke, monkeypatch):
    """Each piece is given another time: the n-th takes n seconds."""
    order = []

    def seconds(function, device):
        if function not in order:
            order.append(function)
            function()
        return float(order.index(function) + 1)

    monkeypatch.setattr(timing, 'seconds', seconds)
    smoke.default_hooks.features.interval = 50
    cost = watching.watching_cost(smoke, 4, 'cpu', repeats=2)
    assert cost == dict(
        step=1, features=2, probe=3,
        features_share=2 / 50, probe_share=3,
    )  # fmt: skip


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
