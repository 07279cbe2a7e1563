"""Steps that are replayed as CUDA graphs; `make gpu-test` runs these."""

import threading

import pytest
import torch
from torch.testing import assert_close

from siameseim.engine import AutocastOptimWrapper
from siameseim.engine.compile_hook import compile_blocks
from siameseim.engine.step_graph import replay_steps
from tests.model_fixtures import random_batch, tiny_model

pytestmark = pytest.mark.gpu


class Training:
    """A tiny model and its optimizer wrapper on the GPU."""

    def __init__(self, graphs, compiled=False, accumulated=1, **backbone):
        torch.manual_seed(0)
        self.model = tiny_model(**backbone).cuda().train()
        if compiled:
            compile_blocks(self.model)
        if graphs:
            replay_steps(self.model)
        self.wrapper = AutocastOptimWrapper(
            optimizer=torch.optim.AdamW(
                [p for p in self.model.parameters() if p.requires_grad],
                lr=1e-3,
                fused=True,
            ),
            clip_grad=dict(max_norm=0.1),
            accumulative_counts=accumulated,
            precision='bf16' if compiled else 'fp32',
        )

    def step(self, seed, size=8, spoil=False):
        """The positive loss of one step."""
        views, samples = random_batch(size, seed=seed)
        if spoil:
            views[0][0, 0, 0, 0] = float('nan')
        self.model.update_target(0.9, self.wrapper.skipped)
        with self.wrapper.optim_context(self.model):
            parts = self.model(
                [view.cuda() for view in views],
                {name: value.cuda() for name, value in samples.items()},
                mode='loss',
            )
        self.wrapper.update_params(sum(parts.values()))
        assert len(self.model.step_features.prediction) == size
        return parts['loss_pos'].detach()

    def state(self):
        return {k: v.clone() for k, v in self.model.state_dict().items()}


def assert_near(ours, others):
    for name, value in others.items():
        assert_close(ours[name], value, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize('compiled', [False, True])
def test_they_train_as_others_do(compiled):
    """Also around a step that is listened to, and one of another size."""
    both = [Training(graphs, compiled) for graphs in (False, True)]
    heard = []
    losses = [[], []]
    for seed, size in enumerate((8, 8, 8, 4, 8, 8)):
        projector = both[1].model.target.projector
        handle = projector.register_forward_hook(lambda *_: heard.append(1))
        if seed != 2:
            handle.remove()
        for training, found in zip(both, losses, strict=True):
            found.append(training.step(seed, size).cpu())
        handle.remove()
    assert heard == [1]
    assert torch.stack(losses[1]).unique().numel() == 6
    close = dict(rtol=0.02, atol=0.01) if compiled else dict(rtol=1e-3)
    assert_close(losses[1], losses[0], **{'atol': 1e-5, **close})
    if not compiled:
        assert_near(both[1].state(), both[0].state())
        features = [training.model.step_features for training in both]
        assert_close([*features[1]], [*features[0]], rtol=1e-2, atol=1e-2)


def test_gradients_are_accumulated():
    both = [Training(graphs, accumulated=3) for graphs in (False, True)]
    for training in both:
        for seed in range(6):
            training.step(seed)
    assert_near(both[1].state(), both[0].state())


def test_a_step_that_is_not_finite_changes_nothing():
    training = Training(True)
    training.step(0)
    before = training.state()
    training.step(1, spoil=True)
    assert training.wrapper.skipped
    after = training.state()
    for name, value in before.items():
        if not name.startswith('target.'):  # moved before the step
            assert torch.equal(after[name], value), name
    assert training.step(2).isfinite() and not training.wrapper.skipped


def test_weights_that_are_loaded_are_those_replayed():
    training = Training(True)
    training.step(0)
    kept = training.state()
    expected = training.step(1)
    training.step(2)
    training.model.load_state_dict(kept)
    assert_close(training.step(1), expected)


def test_random_numbers_go_on_from_the_state_that_was_saved():
    """Drop path: other numbers in each step, the same from the same state."""
    training = Training(True, drop_path_rate=0.5)
    training.step(0)
    kept, state = training.state(), torch.cuda.get_rng_state()
    first = training.step(1)
    training.model.load_state_dict(kept)
    other = training.step(1)
    training.model.load_state_dict(kept)
    torch.cuda.set_rng_state(state)
    again = training.step(1)
    assert not torch.equal(first, other)
    assert_close(again, first)


def test_they_are_recorded_while_another_thread_pins_memory():
    stop = threading.Event()

    def pin():
        size = 1
        while not stop.is_set():
            torch.empty(size * 2**20).pin_memory()
            size = size % 64 + 1

    thread = threading.Thread(target=pin)
    thread.start()
    try:
        training = Training(True)
        losses = [training.step(seed) for seed in range(2)]
    finally:
        stop.set()
        thread.join()
    assert torch.stack(losses).isfinite().all()


def test_they_never_wait_for_the_device():
    model = Training(True).model
    model.update_target(0.9)
    views, samples = random_batch(8)
    views = [view.cuda() for view in views]
    samples = {name: value.cuda() for name, value in samples.items()}
    for sync_mode in ('default', 'default', 'error'):
        torch.cuda.set_sync_debug_mode(sync_mode)
        try:
            losses = model(views, samples, mode='loss')
            sum(losses.values()).backward()
            model.zero_grad()
        finally:
            torch.cuda.set_sync_debug_mode('default')
    assert losses['loss_pos'].isfinite()
