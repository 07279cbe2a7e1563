"""What a report says first, for logs of different fates."""

import pytest

from siameseim.report.in_short import in_short

BRANCHES = ('online', 'target', 'projected')


def line(step, found, spread=0.7, **others):
    """One line of a JSON log."""
    signs = dict(std=spread, cosine=1 - spread, rank=20.0, patch_rank=20.0)
    named = {f'{b}_{n}': v for b in BRANCHES for n, v in signs.items()}
    return {'step': step, 'loss': 1.0, 'found_image': found} | named | others


@pytest.mark.parametrize(
    ('found', 'verdict'),
    [
        (0.02, 'Nothing is learned so far'),
        (0.06, 'Little is learned so far'),
        (0.6, 'The network learns what it is asked for'),
    ],
)
def test_learning_is_judged_against_chance(found, verdict):
    """A batch of 128 images, of which 64 are told apart: 1.6 % by chance."""
    text = in_short([line(1, 0.01), line(99, found)], 128).text
    assert text.startswith(f'{verdict}: ')
    assert f'among 64 in {found:.0%} of cases (1.6% by chance, 1% at' in text
    assert 'No sign of collapse.' in text
    assert 'tools/knn.py' in text


def test_a_collapse_is_named():
    text = in_short([line(1, 0.03), line(99, 0.03, spread=0.01)], 32).text
    assert 'Nothing is learned so far' in text
    assert 'Signs of collapse: online features of all images point' in text


def test_labels_say_more():
    lines = [line(0, 0.03, knn=33.6), line(99, 0.6, knn=60.8)]
    assert 'k-NN accuracy 60.8 %, 33.6 % at first.' in in_short(lines, 32).text


def test_a_log_of_an_older_run_says_that_it_does_not_tell():
    text = in_short([{'step': 1, 'loss': 2.0}], 32).text
    assert 'does not tell whether the network learns' in text
    assert 'collapse' not in text
