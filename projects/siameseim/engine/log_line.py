"""The line a person watches during training."""

import datetime
from typing import Any

import torch
from mmengine.hooks import LoggerHook
from mmengine.runner import LogProcessor, Runner
from mmpretrain.registry import HOOKS, LOG_PROCESSORS

# Where the message hub keeps the share of images found last, and the step.
FOUND_IMAGE = 'found_image'


def place_in_epoch(runner: Runner) -> int:
    """Number of the running iteration in its epoch, from 0.

    The batch index that hooks are given counts from the resume instead, in an
    epoch that was resumed.
    """
    return runner.iter % len(runner.train_dataloader)


def log_interval(runner: Runner) -> int:
    """Iterations between two log lines of the runner."""
    return next(
        hook.interval for hook in runner.hooks if isinstance(hook, LoggerHook)
    )


def log_is_due(runner: Runner) -> bool:
    """Whether ``EpochLoggerHook`` writes a line after this iteration."""
    done = place_in_epoch(runner) + 1
    at_end = done == len(runner.train_dataloader)
    return at_end or done % log_interval(runner) == 0


def line_length(runner: Runner) -> int:
    """Iterations that a line after this one sums up."""
    interval = log_interval(runner)
    return (place_in_epoch(runner) + 1) % interval or interval


@HOOKS.register_module()
class EpochLoggerHook(LoggerHook):
    """Stock logger, whose lines stand at the same iterations after a resume.

    The stock one misses the end of an epoch that was resumed within.
    """

    def after_train_iter(self, runner: Runner, *_: Any, **__: Any) -> None:
        """Write a line if one is due."""
        super().after_train_iter(runner, place_in_epoch(runner))


@LOG_PROCESSORS.register_module()
class ProgressLogProcessor(LogProcessor):
    """Stock processor with a training line made for reading.

    Position, share done and time left first, then the loss terms, then what
    tells whether the run is healthy. All values also go, unrounded, to the
    JSON log and TensorBoard, as with the stock processor.

    Args:
        window_size (int): reports to average over. Defaults to 1, since
            ``LazyRuntimeInfoHook`` already reports means.
        **kwargs: as for ``mmengine.runner.LogProcessor``.
    """

    def __init__(self, window_size: int = 1, **kwargs: object) -> None:
        super().__init__(window_size=window_size, **kwargs)

    def get_log_after_iter(
        self, runner: Runner, batch_idx: int, mode: str
    ) -> tuple[dict, str]:
        """Values by name and text of one log line."""
        values, line = super().get_log_after_iter(runner, batch_idx, mode)
        if mode == 'train':
            line = self._train_line(runner, values)
        return values, line

    def _get_max_memory(self, runner: Runner) -> int:
        """MB that the run took of its GPU, CUDA graphs included.

        The stock method counts what tensors occupy, of which those inside of
        a graph are none.
        """
        return torch.cuda.max_memory_reserved() // 2**20

    def _train_line(self, runner: Runner, values: dict) -> str:
        seconds = int(runner.message_hub.get_info('eta'))
        parts = [
            f'epoch {runner.epoch + 1}/{runner.max_epochs} '
            f'[{place_in_epoch(runner) + 1}/{len(runner.train_dataloader)}]',
            f'{(runner.iter + 1) / runner.max_iters:.1%} done',
            f'eta {datetime.timedelta(seconds=seconds)}',
            _losses(values),
            f'lr {values["lr"]:.2e}',
        ]
        for name, form in _OPTIONAL.items():
            if name in values:
                parts.append(form.format(values[name]))
        found = runner.message_hub.get_info(FOUND_IMAGE)
        if found:  # measured more seldom than logged
            share, step = found
            parts.append(f'own image found {share:.0%} (step {step})')
        return ' | '.join(parts)


_OPTIONAL = {
    'momentum': 'ema {:.5f}',
    'grad_norm': 'grad {:.3g}',
    'images_per_second': '{:.4g} images/s',
    'mfu': '{:.0%} MFU',
    'data_share': 'waiting for data {:.0%}',
    'memory': '{:.0f} MB',
    'probe_accuracy': 'probe {:.1f}%',
}


def _losses(values: dict) -> str:
    """'loss 1.23 (pos 1.2, neg 0.03)' from the loss terms."""
    terms = [
        f'{name.removeprefix("loss_")} {value:.4g}'
        for name, value in values.items()
        if name.startswith('loss_')
    ]
    detail = f' ({", ".join(terms)})' if terms else ''
    return f'loss {values["loss"]:.4g}{detail}'
