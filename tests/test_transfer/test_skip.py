"""Data of a resumed training for a task."""

import pytest

from tests.test_transfer.conftest import ITERATIONS, STOPPED

OWN_SEED = "train_dataloader['sampler'].update(seed=5)\n"


@pytest.mark.parametrize('own', ['', OWN_SEED])
def test_iterations_go_on_where_they_were_stopped(train, last, seen, own):
    """In the order of a sampler's own seed too."""
    assert train(ITERATIONS + own, stop=10) == STOPPED
    assert last() == 'iter_10.pth'
    assert train(ITERATIONS + own, '--resume') == 0
    resumed = [*seen]
    seen.clear()
    assert train(ITERATIONS + own) == 0
    assert resumed == seen
    assert len(resumed) == 30


@pytest.mark.parametrize('workers', [0, 2])
def test_a_resume_loads_no_image_of_the_iterations_before(
    train, seen, loaded, workers
):
    """Nor another one again before all have come, whatever the seed was."""
    text = (
        f'{ITERATIONS}train_dataloader.update(num_workers={workers}, '
        f'persistent_workers={workers > 0})\nrandomness = dict(seed=None)\n'
    )
    assert train(text, stop=20) == STOPPED
    loaded.clear()
    assert train(text, '--resume') == 0
    if not workers:  # which load in processes of their own
        assert len(loaded) == 4 * 10
    keys = [key for batch in seen for key in batch]
    assert len(keys) == 4 * 30
    for i in range(0, 104, 26):
        assert sorted(keys[i : i + 26]) == [*range(26)]
