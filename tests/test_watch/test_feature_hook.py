"""A network that is made to collapse, and one that is not."""

import logging
import re
from types import SimpleNamespace

import pytest
import torch
from mmengine.logging import MessageHub

from siameseim.errors import InputError
from siameseim.models.norm import layer_norm_fp32
from siameseim.models.siameseim import StepFeatures
from siameseim.watch import FeatureWatchHook, feature_hook
from siameseim.watch.feature_hook import measure, recognised
from siameseim.watch.signs import FeatureSigns
from tests.transfer_fixtures import logged

WATCH = 'default_hooks = dict(features=dict(interval=2, {}))\n'
# A weight decay that halves weights in each step, followed by the target at
# once: soon no feature depends on the image, whatever the arithmetic.
COLLAPSE = """
optim_wrapper = dict(optimizer=dict(lr=1e-3, weight_decay=500.0))
auto_scale_lr = dict(enable=False)
custom_hooks = _base_.custom_hooks
custom_hooks[0].base_momentum = 0.0
train_cfg = dict(max_epochs=16)
log_level = 'WARNING'
"""


@pytest.fixture
def run(start):
    """Trains the smoke config with changes; returns its text log."""
    return lambda *args, **kwargs: ''.join(
        path.read_text() for path in start(*args, **kwargs).glob('*/*.log')
    )


def test_a_collapse_on_purpose_is_warned_of(run):
    log = run(WATCH.format('') + COLLAPSE)
    assert 'the network seems to collapse' in log
    assert 'projected features of all images point the same way' in log
    assert 'Try a lower optim_wrapper.optimizer.lr' in log


def test_it_stops_if_asked_to(told):
    text = told(WATCH.format('stop=True') + COLLAPSE)
    assert re.search('^error: .* seems to collapse', text)


def test_measurements_in_a_row_are_counted_over_a_resume(run, tmp_path):
    """Four measurements in the first epoch, three in the second."""
    always = WATCH.format('warmup=0, patience=6, limits=dict(rank=1e9)')
    log = run(always)
    assert log.count('seems to collapse') == 1
    resumed = run(always, '--resume', tmp_path / 'work/epoch_1.pth')
    assert resumed.count('seems to collapse') == 2


HEALTHY, COLLAPSED = (
    dict(target=FeatureSigns(std=std, cosine=1 - std, rank=1, patch_rank=1))
    for std in (1.0, 0.0)
)


def stub_runner(name):
    """All of a runner that the hook looks at to judge."""
    return SimpleNamespace(
        iter=50,
        max_iters=100,
        message_hub=MessageHub(name),
        logger=logging.getLogger(name),
        visualizer=SimpleNamespace(close=lambda: None),
    )


def test_one_warning_an_episode(caplog):
    runner = stub_runner('episodes')
    hook = FeatureWatchHook(patience=2)
    hook._judge(runner, HEALTHY)  # the untrained network
    bad, good = COLLAPSED, HEALTHY
    warned = []
    for now in (bad, bad, bad, good, bad, good, bad, bad):
        caplog.clear()
        hook._judge(runner, now)
        warned.append('seems to collapse' in caplog.text)
    assert warned == [0, 1, 0, 0, 0, 0, 0, 1]


def test_the_start_of_a_run_is_not_judged(caplog):
    runner = stub_runner('warm-up')
    hook = FeatureWatchHook(warmup=0.05, patience=1)
    hook._judge(runner, HEALTHY)
    for runner.iter, warned in ((4, False), (5, True)):  # of 100
        hook._judge(runner, COLLAPSED)
        assert ('seems to collapse' in caplog.text) == warned


def test_a_collapsed_run_that_is_resumed_to_stop_stops():
    """Its checkpoint already counts more measurements than `patience`."""
    runner = stub_runner('resumed to stop')
    for seen in (HEALTHY, *[COLLAPSED] * 3):
        FeatureWatchHook()._judge(runner, seen)
    with pytest.raises(InputError, match='seems to collapse'):
        FeatureWatchHook(stop=True)._judge(runner, COLLAPSED)


def test_a_healthy_run_does_not_warn(run):
    log = run(WATCH.format('') + 'train_cfg = dict(max_epochs=8)')
    assert 'collapse' not in log


def test_signs_are_logged_for_each_branch(run, tmp_path):
    run(WATCH.format(''))
    lines = logged(tmp_path / 'work')
    last = [line for line in lines if 'loss' not in line][-1]
    for branch in ('online', 'target', 'projected'):
        assert 1 <= last[f'{branch}_rank'] <= 4  # a batch of 4 images
        assert 1 <= last[f'{branch}_patch_rank'] <= 16
        assert {f'{branch}_std', f'{branch}_cosine'} <= last.keys()


def step_features(prediction, projected):
    return StepFeatures(projected, projected, projected, prediction)


def test_a_prediction_of_its_own_image_is_recognised():
    """Three of four images at every place but the first; there all."""
    torch.manual_seed(0)
    projected = torch.randn(4, 6, 8)
    prediction = layer_norm_fp32(projected)
    prediction[0, 1:] = prediction[1, 1:].clone()
    share = recognised(step_features(prediction, projected), 4)
    assert share == pytest.approx((6 * 4 - 5) / (6 * 4))


def test_a_prediction_that_all_images_share_is_recognised_by_chance():
    torch.manual_seed(0)
    projected = torch.randn(32, 64, 8)
    prediction = torch.randn(1, 64, 8).expand(32, -1, -1)
    assert recognised(step_features(prediction, projected), 32) < 2 / 32


def test_how_large_a_target_feature_is_does_not_count():
    torch.manual_seed(0)
    prediction, projected = torch.randn(2, 16, 64, 8)
    sizes = torch.arange(1, 17)[:, None, None]
    share = recognised(step_features(prediction, projected), 16)
    other = recognised(step_features(prediction, projected * sizes), 16)
    assert share == other


def test_images_of_swapped_views_are_no_others():
    torch.manual_seed(0)
    first = torch.randn(4, 6, 8)
    projected = torch.cat([first, first + 0.01 * torch.randn(4, 6, 8)])
    prediction = layer_norm_fp32(projected.roll(4, dims=0))
    assert recognised(step_features(prediction, projected), 4) == 1.0


def test_a_prediction_that_is_not_finite_is_not_measured():
    torch.manual_seed(0)
    features = step_features(torch.randn(4, 6, 8), torch.randn(4, 6, 8))
    signs, found = measure(features, 4)
    assert set(signs) == {'online', 'target', 'projected'} and 0 <= found <= 1
    features.prediction[0, 0, 0] = float('inf')
    assert measure(features, 4) is None


def test_a_short_run_is_measured_too(run, tmp_path, monkeypatch):
    """At its first step, every tenth and the last, once each in the log."""
    monkeypatch.setattr(feature_hook, 'SHARE', None)  # whatever it costs
    run()
    log = logged(tmp_path / 'work')
    steps = [line['step'] for line in log if 'found_image' in line]
    assert steps == [1, 10, 12]
    assert steps == [line['step'] for line in log if 'target_rank' in line]


@pytest.mark.parametrize(
    ('steps', 'given', 'every'),
    [
        (9999, None, 200),
        (1500, None, 150),
        (12, None, 10),
        (12, 500, 500),  # chosen for what a measurement costs
        (12, 0, 0),
    ],
)
def test_what_is_given_is_kept_and_else_the_run_decides(steps, given, every):
    hook = FeatureWatchHook(given)
    hub = MessageHub('chosen')
    hook.before_train(SimpleNamespace(max_iters=steps, message_hub=hub))
    assert hook._every == every


def test_a_resumed_run_still_says_what_was_measured(run, tmp_path):
    run(WATCH.format('').replace('interval=2', 'interval=5'))
    each = (
        'log_level = "INFO"\ndefault_hooks = dict(logger=dict(interval=1))\n'
    )
    log = run(each, '--resume', tmp_path / 'work/epoch_1.pth')
    assert re.search(r'\[1/6\].* own image found \d+% \(step 5\)$', log, re.M)


def test_learning_is_logged_and_what_it_means_said_once(run, tmp_path):
    log = run('log_level = "INFO"\n' + WATCH.format(''))
    assert log.count('own image found: whether the feature') == 1
    assert 'among 4 images; 25.0% by chance' in log
    assert re.search(r'\| own image found \d+% \(step 12\)$', log, re.M)


def test_the_untrained_reference_survives_a_resume(run, tmp_path):
    run(WATCH.format(''))
    path = tmp_path / 'work/epoch_2.pth'

    def reference():
        saved = torch.load(path, weights_only=True)
        return saved['message_hub']['runtime_info']['untrained_features']

    first = reference()
    again = WATCH.format('') + 'train_cfg = dict(max_epochs=2)'
    run(again, '--resume', tmp_path / 'work/epoch_1.pth')
    assert reference() == first


def test_no_patience_is_refused():
    """It would warn of a collapse where there is none."""
    with pytest.raises(InputError, match='features.patience=0 must be 1'):
        FeatureWatchHook(patience=0)
