"""What a report says first, for logs of different fates."""

import pytest

from siameseim.report.in_short import in_short

BRANCHES = ('online', 'target', 'projected')


def line(step, found, spread=0.7, **others):
    """One line of a JSON log."""
    signs = dict(std=spread, cosine=1 - spread, rank=20.0, patch_rank=20.0)
    named = {f'{b}_{n}': v for b in BRANCHES for n, v in signs.items()}
    return {'step': step, 'found_image': found} | named | others


MEASURED = [line(1, 0.01), line(20, 0.01)]
INFO = {
    'features_past_limits': 0,
    'untrained_features': {b: [0.7, 0.3, 20.0, 20.0] for b in BRANCHES},
}


def text_of(*lines, images=32, watch=None, steps=99, **info):
    info = INFO | info
    cfg = dict(default_hooks=dict(features=watch))
    return in_short([*lines], info, images, cfg, steps).text


@pytest.mark.parametrize(
    ('found', 'verdict'),
    [
        (0.02, 'Nothing is learned so far, no sign of collapse'),
        (0.06, 'Little is learned so far, no sign of collapse'),
        (0.6, 'The network learns what it is asked for, no sign of collapse'),
    ],
)
def test_learning_is_judged_against_chance(found, verdict):
    """A batch of 128 images, of which 64 are told apart: 1.6 % by chance."""
    text = text_of(*MEASURED, line(99, found), images=128)
    assert text.startswith(f'{verdict}: ')
    assert f'among 64 training images in {found:.0%} of cases (' in text
    assert '(1.6% by chance, 1% at first)' in text
    assert 'tools/knn.py' in text


def test_two_measurements_cannot_tell_of_a_collapse():
    """The hook warns of two in a row, of which the untrained is none."""
    text = text_of(line(1, 0.03), line(180, 0.27))
    few = 'too few measurements (2) to tell of a collapse: '
    assert text.startswith(f'The network learns what it is asked for, {few}')


def test_few_steps_are_told():
    assert '999 steps are few' in text_of(line(980, 0.6), steps=999)
    assert 'steps are few' not in text_of(line(980, 0.6), steps=1000)


def test_accumulated_iterations_are_one_step():
    cfg = dict(optim_wrapper=dict(accumulative_counts=32))
    text = in_short([line(3980, 0.6)], {}, 32, cfg, 4000).text
    assert '125 steps are few' in text


def test_a_checkpoint_without_a_log_is_told_as_such():
    text = text_of(steps=59000)
    assert text.startswith('No log beside the checkpoint tells whether the n')
    assert 'few' not in text and 'does not tell yet' not in text


def test_few_images_can_be_told_apart_too():
    """The best of four is four times chance."""
    assert text_of(line(9, 1.0), images=4).startswith('The network learns')
    assert text_of(line(9, 0.26), images=4).startswith('Nothing is learned')
    assert 'does not tell yet' in text_of(line(9, 1.0), images=1)


def test_a_collapse_that_the_hook_warned_of_comes_first():
    bad = line(99, 0.6, spread=0.01)
    text = text_of(bad, features_past_limits=2)
    assert text.startswith('The network seems to have collapsed: online feat')
    assert 'learns' not in text and 'no sign' not in text
    assert 'among 32 training images in 60% of cases' in text


def test_a_collapse_is_told_though_k_nn_was_logged_after_it():
    bad = line(99, 0.03, spread=0.01)
    text = text_of(bad, {'step': 99, 'knn': 9.0}, features_past_limits=2)
    assert text.startswith('The network seems to have collapsed: online feat')
    assert 'no sign' not in text


def test_a_first_measurement_past_the_limits_is_told_as_such():
    bad = line(99, 0.03, spread=0.01)
    first = 'The last measurement shows collapse: online features'
    assert text_of(bad, features_past_limits=1).startswith(first)
    patient = text_of(bad, features_past_limits=2, watch=dict(patience=3))
    assert patient.startswith(first)
    assert 'no sign' not in patient


def test_limits_are_those_of_the_run():
    watch = dict(limits=dict(std=0.99))
    text = text_of(line(9, 0.6, spread=0.65), features_past_limits=2)
    assert 'spread 0.65' not in text
    text = text_of(
        line(9, 0.6, spread=0.65), features_past_limits=2, watch=watch
    )
    assert 'spread 0.65, untrained 0.7' in text


def test_labels_say_more():
    text = text_of(line(0, 0.03, knn=33.6), line(99, 0.6, knn=60.8))
    assert 'k-NN accuracy 60.8 %, 33.6 % at first.' in text


def test_a_log_of_an_older_run_says_that_it_does_not_tell():
    text = in_short([{'step': 1, 'loss': 2.0}], {}, 32, {}, 1).text
    assert 'does not tell yet whether the network learns' in text
    assert 'first and last step' in text and 'collapse' not in text
