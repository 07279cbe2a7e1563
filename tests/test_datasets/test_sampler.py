"""The order of images: shared among ranks, resumable, reproducible."""

import numpy as np
import pytest
from mmengine.runner import Runner

from siameseim.datasets import ResumableSampler, sampler

SIZE = 103


def make(
    monkeypatch: pytest.MonkeyPatch,
    rank: int = 0,
    world_size: int = 1,
    seed: int = 0,
) -> ResumableSampler:
    monkeypatch.setattr(sampler, 'get_dist_info', lambda: (rank, world_size))
    return ResumableSampler(range(SIZE), seed=seed)


@pytest.mark.parametrize('world_size', [1, 2, 3, 8])
def test_ranks_share_the_images_without_overlap(world_size, monkeypatch):
    samplers = [
        make(monkeypatch, rank, world_size) for rank in range(world_size)
    ]
    parts = [list(each) for each in samplers]
    assert [len(part) for part in parts] == [SIZE // world_size] * world_size
    assert [len(each) for each in samplers] == [len(part) for part in parts]
    together = sum(parts, [])
    assert len(set(together)) == len(together)
    assert together != sorted(together)
    assert all(type(key) is int for key in together)


@pytest.mark.parametrize('world_size', [2, 4])
def test_a_step_uses_the_same_images_on_any_number_of_ranks(
    world_size, monkeypatch
):
    batch = 4
    alone = list(make(monkeypatch))[: batch * world_size]
    shared = [
        key
        for rank in range(world_size)
        for key in list(make(monkeypatch, rank, world_size))[:batch]
    ]
    assert sorted(shared) == sorted(alone)


def test_the_key_holds_epoch_and_index(monkeypatch):
    each = make(monkeypatch)
    each.set_epoch(7)
    epochs, indices = np.divmod(list(each), SIZE)
    assert set(epochs) == {7}
    assert sorted(indices) == list(range(SIZE))


def test_the_order_is_a_function_of_seed_and_epoch(monkeypatch):
    def order(seed: int, epoch: int) -> list[int]:
        each = make(monkeypatch, seed=seed)
        list(each)  # what was drawn before does not matter
        each.set_epoch(epoch)
        return [key % SIZE for key in each]

    assert order(0, 3) == order(0, 3)
    assert order(0, 3) != order(0, 4)
    assert order(0, 3) != order(1, 3)
    assert order(0, 1) != order(1, 0)


def test_without_a_seed_the_order_is_another_each_time():
    first, second = (list(ResumableSampler(range(SIZE))) for _ in range(2))
    assert first != second
    assert sorted(first) == sorted(second)


def test_start_skips_exactly_what_was_used(monkeypatch):
    each = make(monkeypatch, rank=1, world_size=2)
    each.set_epoch(2)
    whole = list(each)
    each.set_start(30)
    assert len(each) == len(whole)
    assert list(each) == whole[30:]


def test_start_holds_for_one_epoch_only(monkeypatch):
    each = make(monkeypatch)
    each.set_start(100)
    assert len(list(each)) == 3
    assert len(list(each)) == SIZE


@pytest.mark.parametrize('start', [-1, SIZE + 1])
def test_a_start_outside_the_epoch_is_refused(start, monkeypatch):
    with pytest.raises(ValueError, match=f'from 0 to {SIZE}.*not {start}'):
        make(monkeypatch).set_start(start)


def test_the_runner_builds_it():
    config = dict(
        dataset=list(range(10)),
        sampler=dict(type='mmpretrain.ResumableSampler'),
        batch_size=4,
        num_workers=0,
        drop_last=True,
    )
    loader = Runner.build_dataloader(config, seed=5)
    assert isinstance(loader.sampler, ResumableSampler)
    assert loader.sampler.seed == 5
    assert len(loader) == 2
