"""Speed, waiting for data, and the line a person reads."""

import re
import time
from types import SimpleNamespace

import pytest
from mmengine.hooks import IterTimerHook, LoggerHook
from mmengine.logging import MessageHub
from mmpretrain.registry import DATASETS

from siameseim.engine import progress_hook
from siameseim.errors import InputError


@DATASETS.register_module()
class SlowKeys:
    """A data set that takes 50 ms an image and cannot read two of them."""

    metainfo: dict = {}
    num_unreadable = 2

    def share_unreadable(self):
        """All there is to know is known."""

    def __len__(self):
        return 26

    def __getitem__(self, key):
        import torch

        time.sleep(0.05)
        return {'inputs': torch.tensor(float(key))}


SLOW = {'train_dataloader.dataset.type': 'SlowKeys'}
INFO = {'log_level': 'INFO'}


def test_waiting_for_data_is_measured(toy_run):
    runner = toy_run(epochs=1, options=SLOW)
    hub = runner.message_hub
    assert hub.get_scalar('train/data_share').current() > 0.5
    speed = hub.get_scalar('train/images_per_second').current()
    assert 2 < speed < 20


def test_memory_is_left_out_where_it_is_not_told(toy_run, monkeypatch):
    monkeypatch.setattr(progress_hook, 'peak_host_memory', lambda: 0)
    hub = toy_run(epochs=1).message_hub
    assert 'train/memory' not in hub.log_scalars
    assert 'train/images_per_second' in hub.log_scalars


def test_waiting_for_data_is_warned_about_once(toy_run, log_text, monkeypatch):
    monkeypatch.setattr(progress_hook, '_SURE_AFTER', 0.2)
    toy_run(epochs=2, options=SLOW)
    text = log_text()
    assert text.count('waiting for images') == 1
    assert 'num_workers' in text


class EightBatches(list):
    """All that is asked of a loader."""

    batch_size, num_workers = 4, 2


@pytest.mark.parametrize(('share', 'said'), [(0.02, []), (0.3, ['30%'])])
def test_epochs_shorter_than_a_log_interval_count_for_themselves(
    share, said, monkeypatch
):
    """Starting the workers takes 25 s, each iteration 3 s more, in two."""
    monkeypatch.setattr(progress_hook, 'get_world_size', lambda: 2)
    warnings = []
    runner = SimpleNamespace(
        hooks=[IterTimerHook(), LoggerHook(interval=50)],
        message_hub=MessageHub('short epochs'),
        train_dataloader=EightBatches(range(8)),
        logger=SimpleNamespace(warning=warnings.append, info=print),
        optim_wrapper=SimpleNamespace(accumulation=1),
        max_iters=32,
        max_epochs=4,
    )
    hook = progress_hook.ProgressHook()
    hook.before_train(runner)
    for runner.iter in range(32):
        start = 25.0 if runner.iter == 0 else 0.0
        runner.message_hub.update_scalar('train/time', start + 3)
        runner.message_hub.update_scalar('train/data_time', start + 3 * share)
        hook.after_train_iter(runner, runner.iter % 8)
    assert [text.split()[0] for text in warnings] == said
    speed = runner.message_hub.get_scalar('train/images_per_second')
    assert speed.current() == pytest.approx(2 * 4 / 3)


def test_unreadable_images_are_counted_at_the_end_of_an_epoch(
    toy_run, log_text
):
    toy_run(epochs=1, options=SLOW)
    assert 'unreadable images skipped so far: 2' in log_text()


def test_the_line_tells_position_rest_losses_and_health(toy_run, log_text):
    toy_run(options=INFO)
    first, *lines = re.findall(r'first step done|epoch \d/3 .*', log_text())
    assert first == 'first step done'  # before the first line
    assert len(lines) == 9
    assert re.fullmatch(
        r'epoch 2/3 \[2/6\] \| 44\.4% done \| eta \d:\d\d:\d\d '
        r'\| loss [\d.]+ \(pos [\d.]+, neg [\d.]+\) \| lr [\d.e+-]+ '
        r'\| ema 0\.\d+ \| grad [\d.]+ \| [\d.e+]+ images/s '
        r'\| waiting for data \d+% \| \d+ MB',
        lines[3],
    )


@pytest.mark.parametrize(
    ('iterations', 'accumulation', 'epochs', 'said'),
    [
        (999, 1, 3, ['10']),
        (1000, 1, 3, []),
        (1999, 2, 3, ['10']),
        (2000, 2, 3, []),
        (360, 1, 30, ['250']),  # not 251, by rounding
    ],
)
def test_a_run_of_few_steps_is_told_how_many_epochs_are_enough(
    iterations, accumulation, epochs, said
):
    lines = []
    runner = SimpleNamespace(
        hooks=[IterTimerHook(), LoggerHook()],
        max_iters=iterations,
        max_epochs=epochs,
        optim_wrapper=SimpleNamespace(accumulation=accumulation),
        logger=SimpleNamespace(info=lines.append),
    )
    progress_hook.ProgressHook().before_train(runner)
    steps = str(iterations // accumulation)
    assert all(line.startswith(f'{steps} steps in all') for line in lines)
    assert [line.split()[-2] for line in lines] == said


def test_a_resumed_epoch_counts_on(toy_run, stopped, log_text):
    stopped(9)
    toy_run(options=INFO, resume='run/iter_9.pth')
    assert 'epoch 2/3 [5/6]' in log_text()


@pytest.mark.parametrize('name', ['timer', 'logger'])
def test_a_hook_that_others_read_from_cannot_be_switched_off(toy_run, name):
    with pytest.raises(InputError, match=f'default_hooks.{name}'):
        toy_run(options={f'default_hooks.{name}': None})
