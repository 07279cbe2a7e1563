"""k-NN and the linear probe during a run, on labelled folders."""

import os
import re
import signal
import time
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from PIL import Image
from torch.testing import assert_close
from torch.utils.data import get_worker_info
from torchvision import datasets

from siameseim.checkpoints import resume_state
from siameseim.errors import InputError
from siameseim.evaluation.labelled import labelled_folder, pooled_features
from siameseim.watch import KnnHook
from tests.model_fixtures import tiny_model
from tests.test_watch.conftest import write_colours
from tests.transfer_fixtures import logged
from tests.two_processes import run_in_two


def settings(colours, **hooks):
    knn = dict(data=str(colours), k=3, num_workers=0, budget=None)
    return f'default_hooks = {dict(knn=knn, **hooks)}\n'


def stopped_at(model, iteration=1, **info):
    """All of a resumed runner that the hook looks at before training."""
    hub = SimpleNamespace(runtime_info=info, update_info=info.__setitem__)
    return SimpleNamespace(model=model, iter=iteration, message_hub=hub)


@pytest.fixture
def images(colours):
    """What `start` trains on."""
    return colours / 'train'


def test_knn_of_colours_is_logged_before_and_after_epochs(start, colours):
    work = start(settings(colours))
    lines = [x for x in logged(work) if 'knn' in x]
    assert [line['step'] for line in lines] == [0, 6, 12]
    assert lines[-1]['knn'] == 100  # mean colours are easily told apart


def test_measuring_does_not_change_the_run(start, colours):
    """By any of the hooks, all at once."""
    text = settings(
        colours,
        features=dict(interval=2),
        probe=dict(enabled=True),
        validation=dict(data=str(colours / 'val'), images=8, budget=None),
    )
    nothing = 'default_hooks = dict(features=dict(interval=0))\n'
    drops = 'model = dict(backbone=dict(drop_path_rate=0.3))\n'
    one, other = (
        torch.load(work / 'epoch_2.pth', weights_only=True)
        for work in (
            start(drops + text, work='a'),
            start(drops + nothing, work='b'),
        )
    )
    assert_close(one['state_dict'], other['state_dict'], rtol=0, atol=0)
    states = [run['exact_resume']['rng'] for run in (one, other)]
    assert_close(*states, rtol=0, atol=0, equal_nan=True)


def test_an_epoch_may_end_with_one_image(start):
    """26 in batches of 5; it has a log line of its own."""
    hooks = dict(probe=dict(enabled=True), logger=dict(interval=5))
    loader = dict(batch_size=5, drop_last=False)
    work = start(f'train_dataloader = {loader}\ndefault_hooks = {hooks}\n')
    assert (work / 'epoch_2.pth').is_file()


def test_the_probe_refuses_batches_of_one_image(told):
    text = 'default_hooks = dict(probe=dict(enabled=True))\n'
    refused = told(f'{text}train_dataloader = dict(batch_size=1)\n')
    assert 'the online probe normalises over a batch' in refused


def test_probe_learns_and_resumes_exactly(start, told):
    probe = 'default_hooks = dict(probe=dict(enabled=True, lr=0.05))\n'
    straight = start(probe, work='straight')
    assert logged(straight)[-1]['probe_accuracy'] > 70
    told(
        f'{probe}custom_hooks = [*_base_.custom_hooks, '
        "dict(type='TerminateAfter', iteration=9)]",
        work='cut',
    )
    cut = start(probe, '--resume', work='cut')
    one, other = (
        torch.load(work / 'epoch_2.pth', weights_only=True)
        for work in (straight, cut)
    )
    assert one['online_probe'].keys() == {'linear', 'optimizer'}
    ours, expected = (run['online_probe']['linear'] for run in (other, one))
    assert_close(ours, expected, rtol=0, atol=0)
    assert expected['weight'].abs().max() > 0


def test_the_line_tells_what_the_probe_gets_right(start):
    probe = 'default_hooks = dict(probe=dict(enabled=True, lr=0.05))\n'
    work = start(f'{probe}log_level = "INFO"')
    (log,) = work.glob('*/*.log')
    shown = re.findall(r' \| probe ([\d.]+)%', log.read_text())
    scores = [x['probe_accuracy'] for x in logged(work) if 'loss' in x]
    assert shown == [f'{accuracy:.1f}' for accuracy in scores]
    assert len(shown) == 6


def test_a_symmetric_run_is_measured_too(start, colours):
    """Each image's own label, though there are twice as many pairs."""
    text = settings(colours, probe=dict(enabled=True, lr=0.05))
    option = ('--cfg-options', 'model.data_preprocessor.symmetric=True')
    lines = logged(start(text, *option))
    last = {k: v for line in lines for k, v in line.items()}
    assert last['knn'] == 100
    assert last['probe_accuracy'] > 70


def test_probe_needs_two_classes(told, colours):
    enabled = 'default_hooks = dict(probe=dict(enabled=True))'
    text = told(enabled, data=colours / 'train/red')
    assert text.startswith('error: ')
    assert 'at least two classes' in text


def test_other_classes_are_refused(tmp_path):
    for folder in ('train/red', 'train/blue', 'val/red', 'val/green'):
        (tmp_path / folder).mkdir(parents=True)
        Image.new('RGB', (40, 40)).save(tmp_path / folder / '0.png')
    runner = stopped_at(tiny_model())
    with pytest.raises(ValueError, match='green'):
        KnnHook(str(tmp_path)).before_train(runner)


def measure(rank, root):
    """Accuracy of 26 images, and whether buffers moved."""
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


class ToldToStop(datasets.ImageFolder):
    """Images whose loading process gets the signal that ends a run."""

    def __getitem__(self, index):
        if get_worker_info() is not None:
            os.kill(os.getpid(), signal.SIGTERM)
        return super().__getitem__(index)


def test_a_signal_to_all_processes_does_not_end_a_measurement(colours):
    model = tiny_model().eval()
    images = labelled_folder(colours / 'val', (16, 16))
    images = ToldToStop(images.root, images.transform)
    found = pooled_features(
        model.backbone, model.data_preprocessor, images, 8, num_workers=1
    )
    assert found.labels.tolist() == images.targets


def test_the_checkpoint_is_written_during_the_measurement(
    start, colours, tmp_path, monkeypatch
):
    left = iter([[], ['epoch_1.pth'], ['epoch_1.pth', 'epoch_2.pth']])

    def names():
        return sorted(path.name for path in (tmp_path / 'work').glob('*.pth'))

    def measure(self, model):
        files, end = next(left), time.monotonic() + 60
        while names() != files and time.monotonic() < end:
            time.sleep(0.01)
        assert names() == files
        return 0.0

    monkeypatch.setattr(KnnHook, 'measure', measure)
    start(settings(colours))
    assert next(left, None) is None  # all were measured


def test_a_runner_that_was_built_without_a_config_has_no_hint(caplog):
    """In Python, of parts: its data set is any."""
    data = torch.utils.data.DataLoader(range(4))
    runner = SimpleNamespace(cfg=Config(), train_dataloader=data)
    KnnHook().before_train(runner)
    assert '--knn' not in caplog.text


def test_the_backbone_of_another_method_is_named(colours):
    model = torch.nn.Module()
    model.backbone = torch.nn.Linear(1, 1)
    runner = stopped_at(model)
    with pytest.raises(InputError, match='--knn .* not a Linear: leave it'):
        KnnHook(data=str(colours)).before_train(runner)


def test_images_that_another_process_lacks_are_named(colours, monkeypatch):
    """Else each would take its share of another list, some images twice."""
    monkeypatch.setattr(
        resume_state,
        'all_gather_object',
        lambda own: [own, {name: [13, 26] for name in own}],
    )
    runner = stopped_at(tiny_model())
    with pytest.raises(
        InputError, match=r'\[\[\d+, \d+\], \[13, 26\]\].*--knn'
    ):
        KnnHook(data=str(colours)).before_train(runner)
