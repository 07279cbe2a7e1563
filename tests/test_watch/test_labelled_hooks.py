"""k-NN and the linear probe during a run, on labelled folders."""

import copy
import json
import logging
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.logging import MessageHub
from PIL import Image

from siameseim.watch import KnnHook, knn_hook
from tests.model_fixtures import tiny_model
from tests.two_processes import run_in_two


def write_colours(root, strength):
    """Noisy images in train and val; red and blue are the classes."""
    rng = np.random.default_rng(0)
    for split in ('train', 'val'):
        for channel, name in ((0, 'red'), (2, 'blue')):
            folder = root / split / name
            folder.mkdir(parents=True)
            for i in range(13):
                pixels = rng.integers(0, 90, (40, 40, 3), np.uint8)
                pixels[..., channel] += strength
                Image.fromarray(pixels).save(folder / f'{i}.png')
    return root


@pytest.fixture(scope='session')
def colours(tmp_path_factory):
    return write_colours(tmp_path_factory.mktemp('colours'), 150)


def settings(colours, **hooks):
    knn = dict(data=str(colours), k=3, num_workers=0, budget=None)
    return f'default_hooks = {dict(knn=knn, **hooks)}\n'


def stopped_at(model, iteration=1, **info):
    """All of a resumed runner that the hook looks at before training."""
    hub = SimpleNamespace(runtime_info=info, update_info=info.__setitem__)
    return SimpleNamespace(model=model, iter=iteration, message_hub=hub)


def scalars(work):
    (path,) = work.glob('*/vis_data/scalars.json')
    return [json.loads(line) for line in path.read_text().splitlines()]


def start(train, config, colours, work, text, *options):
    train.main(
        [config(text), '--data', str(colours / 'train')]
        + ['--work-dir', str(work), *options]
    )


def test_knn_of_colours_is_logged_before_and_after_epochs(
    train,
    config,
    colours,
    tmp_path,
):
    start(train, config, colours, tmp_path / 'w', settings(colours))
    lines = [x for x in scalars(tmp_path / 'w') if 'knn' in x]
    assert [line['step'] for line in lines] == [0, 6, 12]
    assert lines[-1]['knn'] == 100  # mean colours are easily told apart


def test_measuring_does_not_change_the_run(
    train,
    config,
    colours,
    tmp_path,
):
    probe = dict(enabled=True)
    text = settings(colours, probe=probe)
    start(train, config, colours, tmp_path / 'a', text)
    start(train, config, colours, tmp_path / 'b', '')
    one, other = (
        torch.load(tmp_path / name / 'epoch_2.pth', weights_only=True)
        for name in 'ab'
    )
    for name, value in one['state_dict'].items():
        assert torch.equal(value, other['state_dict'][name]), name
    for name, value in one['exact_resume']['rng'][0].items():
        same = other['exact_resume']['rng'][0][name]
        assert torch.equal(value.nan_to_num(), same.nan_to_num()), name


def test_probe_learns_and_resumes_exactly(
    train,
    config,
    colours,
    tmp_path,
):
    probe = 'default_hooks = dict(probe=dict(enabled=True, lr=0.05))\n'
    start(train, config, colours, tmp_path / 'straight', probe)
    accuracy = [
        line['probe_accuracy'] for line in scalars(tmp_path / 'straight')
    ]
    assert accuracy[-1] > 70
    cut = probe + (
        'custom_hooks = _base_.custom_hooks\n'
        "custom_hooks.append(dict(type='TerminateAfter', iteration=9))"
    )
    with pytest.raises(SystemExit):
        start(train, config, colours, tmp_path / 'cut', cut)
    start(train, config, colours, tmp_path / 'cut', probe, '--resume')
    one, other = (
        torch.load(tmp_path / name / 'epoch_2.pth', weights_only=True)
        for name in ('straight', 'cut')
    )
    for part in ('norm', 'linear'):
        for name, value in one['online_probe'][part].items():
            assert torch.equal(value, other['online_probe'][part][name])
    assert one['online_probe']['linear']['weight'].abs().max() > 0


def test_probe_needs_two_classes(train, config, colours, tmp_path):
    text = 'default_hooks = dict(probe=dict(enabled=True))'
    with pytest.raises(ValueError, match='at least two classes'):
        train.main(
            [config(text), '--data', str(colours / 'train/red')]
            + ['--work-dir', str(tmp_path)]
        )


def test_other_classes_are_refused(tmp_path):
    for folder in ('train/red', 'train/blue', 'val/red', 'val/green'):
        (tmp_path / folder).mkdir(parents=True)
        Image.new('RGB', (40, 40)).save(tmp_path / folder / '0.png')
    runner = stopped_at(tiny_model())
    with pytest.raises(ValueError, match='green'):
        KnnHook(str(tmp_path)).before_train(runner)


def measure(rank, root):
    """Accuracy of an odd number of images, and whether buffers moved."""
    torch.manual_seed(0)
    model = tiny_model().train()
    hook = KnnHook(root, k=3, num_workers=0)
    buffers = {n: b.clone() for n, b in model.named_buffers()}
    hook.before_train(stopped_at(model))
    accuracy = hook.measure(model)
    same = all(torch.equal(b, buffers[n]) for n, b in model.named_buffers())
    return dict(accuracy=accuracy, unchanged=same and model.backbone.training)


def test_two_processes_measure_what_one_does(tmp_path):
    root = str(write_colours(tmp_path, strength=1))
    whole = measure(0, root)
    assert 40 < whole['accuracy'] < 100  # mistakes, which would change
    for part in (whole, *run_in_two(measure, root)):
        # other batches round otherwise: one image of 26 may change sides
        assert part['accuracy'] == pytest.approx(whole['accuracy'], abs=4)
        assert part['unchanged']


class Clock:
    """A run of epochs of 100 s with measurements of 3.1 s."""

    def __init__(self, monkeypatch, hook, epochs):
        self.now, self.measured, self.hub = 0.0, [], MessageHub('knn clock')
        self.hook = hook
        monkeypatch.setattr(knn_hook.time, 'perf_counter', lambda: self.now)

        def measure(model):
            self.now += 3.1
            return 50.0

        hook.measure = measure
        self.runner = SimpleNamespace(
            model=tiny_model(),
            message_hub=self.hub,
            max_epochs=epochs,
            logger=logging.getLogger('clock'),
            visualizer=SimpleNamespace(
                add_scalars=lambda _, step: self.measured.append(step)
            ),
        )

    def go(self, start, stop):
        """Run from one time to another, in epochs of two steps."""
        runner = self.runner
        runner.iter, runner.epoch = int(2 * start), int(start)
        self.hook.before_train(runner)
        self.hook.before_train_epoch(runner)
        while runner.iter < 2 * stop:
            self.now += 50
            self.hook.after_train_iter(runner, runner.iter % 2)
            runner.iter += 1
            if runner.iter % 2 == 0:
                self.hook.after_train_epoch(runner)
                runner.epoch += 1
                self.hook.before_train_epoch(runner)


@pytest.mark.parametrize('stop', [7, 0.5, 4.5, 5.5])
def test_knn_keeps_to_its_share_of_the_time(monkeypatch, colours, stop):
    """Two cost 6.2 s, 2 % of 310 s, three 9.3 s of 465, four 12.4 s of 620.

    A stop, also within an epoch, and a new hook change nothing.
    """
    clock = Clock(monkeypatch, KnnHook(str(colours)), 9)
    clock.go(0, stop)
    if stop < 7:
        saved = copy.deepcopy(clock.hub.runtime_info)
        measured = clock.measured
        clock = Clock(monkeypatch, KnnHook(str(colours)), 9)
        clock.hub.runtime_info.update(saved)
        clock.measured = measured
        clock.go(stop, 7)
    assert [iteration / 2 for iteration in clock.measured] == [0, 4, 5, 7]


def test_the_last_epoch_is_measured_whatever_it_costs(monkeypatch, colours):
    clock = Clock(monkeypatch, KnnHook(str(colours)), 6)
    clock.go(0, 6)
    assert [iteration / 2 for iteration in clock.measured] == [0, 4, 5, 6]


def test_without_a_budget_every_epoch_is_measured(monkeypatch, colours):
    clock = Clock(monkeypatch, KnnHook(str(colours), budget=None), 3)
    clock.go(0, 3)
    assert [iteration / 2 for iteration in clock.measured] == [0, 1, 2, 3]


def decide(rank):
    """The process with the slower clock would decide otherwise."""
    hook = KnnHook()
    hook._clock.update(trained=100.0, measured=0.0, last=1.0 + 9 * rank)
    return hook._affordable()


def test_two_processes_decide_alike():
    assert run_in_two(decide) == [True, True]


def test_a_negative_budget_is_refused():
    with pytest.raises(ValueError, match='budget=-1'):
        KnnHook(budget=-1)
