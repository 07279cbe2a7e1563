"""What watching costs."""

from siameseim.benchmark import timing, watching


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
