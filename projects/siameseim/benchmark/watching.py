"""What the hooks that watch a run cost, as shares of a training step."""

import torch
from mmengine.config import Config

from ..watch.feature_hook import FOUND_AMONG, INTERVAL, measure
from ..watch.probe_hook import OnlineProbeHook
from .step import StepBenchmark
from .timing import timed


def watching_cost(
    cfg: Config, batch_size: int, device: str, repeats: int = 5
) -> dict[str, float]:
    """Time a step, and apart from it what watching adds to it.

    The additions are timed by themselves, since a share of a percent cannot
    be seen in the difference of two whole steps on a busy machine.

    Args:
        cfg (Config): a pretraining config.
        batch_size (int): images a step.
        device (str): 'cpu' or 'cuda'.
        repeats (int): of each timing; the median counts. Defaults to 5.

    Returns:
        dict[str, float]: seconds of a 'step', of one measurement of the
        'features', and of what an online 'probe' of 1,000 classes adds to
        every step; the shares 'features_share', at the config's interval
        with no measurement left out, and 'probe_share'.
    """
    step = StepBenchmark(cfg, batch_size, device)
    step.run()
    features = step.model.step_features
    assert features is not None  # of the step that was just run
    images = min(FOUND_AMONG, batch_size)
    probe = OnlineProbeHook(enabled=True)
    probe.build(step.model, torch.arange(1000))
    places = torch.arange(batch_size) % 1000

    result = {}
    for name, function in (
        ('step', step.run),
        ('features', lambda: measure(features, images)),
        ('probe', lambda: probe.learn(features.target, places)),
    ):
        result[name] = timed(function, device, repeats).median
    interval = cfg.default_hooks.features.get('interval') or INTERVAL
    result['features_share'] = result['features'] / result['step'] / interval
    result['probe_share'] = result['probe'] / result['step']
    return result
