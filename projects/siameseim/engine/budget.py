"""Which share of a run's time its checkpoints or measurements may take."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from mmengine.dist import broadcast_object_list
from mmengine.runner import Runner

from ..errors import InputError


def check_share(hook: str, share: float | None) -> str:
    """Name of a hook's setting ``budget``, for texts.

    Args:
        hook (str): its name in ``default_hooks``.
        share (float, optional): of the time. None is no limit.

    Raises:
        InputError: if the share is negative.
    """
    setting = f'default_hooks.{hook}.budget'
    if share is not None and not share >= 0:
        raise InputError(
            f'{setting}={share} must be a share of the training '
            'time, 0 or more, or None for no limit'
        )
    return setting


class Budget:
    """Times measurements and says whether one more keeps to their share.

    Its clock goes into each checkpoint: a resumed run goes on counting.

    Args:
        hook (str): whose measurements they are, as in ``default_hooks``.
        share (float, optional): of the time of the run so far, for all its
            measurements. None is no limit.

    Raises:
        InputError: if it is negative.
    """

    def __init__(self, hook: str, share: float | None) -> None:
        self._setting = check_share(hook, share)
        self._name = f'{hook}_clock'  # in the message hub
        self.share = share
        # seconds: of training, of all measurements, of the last one
        self.clock = dict(trained=0.0, measured=0.0, last=0.0)

    def start(self, runner: Runner) -> None:
        """Go on as the checkpoint says; before training."""
        hub = runner.message_hub
        self.clock.update(hub.runtime_info.get(self._name, {}))
        hub.update_info(self._name, self.clock)  # in every checkpoint from now

    def count(self, runner: Runner) -> None:
        """Add what ``IterTimerHook`` has measured; after each iteration."""
        seconds = runner.message_hub.get_scalar('train/time').current()
        self.clock['trained'] += seconds

    def allows_one_more(self) -> bool:
        """Whether a measurement like the last keeps to it; on all alike."""
        if self.share is None:
            return True
        clock = self.clock
        allowed = self.share * clock['trained']
        answer = [clock['measured'] + clock['last'] <= allowed]
        broadcast_object_list(answer)
        return answer[0]

    def leaves_out(self, runner: Runner, what: str) -> bool:
        """Whether one that is due after this epoch costs too much; says so."""
        if self.allows_one_more():
            return False
        runner.logger.info(
            f'{what} left out after epoch {runner.epoch + 1}: '
            f'{self.clock["measured"]:.1f} s measured and '
            f'{self.clock["last"]:.1f} s more are over {self.share:.3g} of '
            f'{self.clock["trained"]:.0f} s of training ({self._setting})'
        )
        return True

    @contextmanager
    def measuring(self) -> Iterator[None]:
        """Time a measurement, which ends with a value that is read."""
        if torch.cuda.is_available():  # training steps may still be running
            torch.cuda.synchronize()
        start = time.perf_counter()
        yield
        self.clock['last'] = time.perf_counter() - start
        self.clock['measured'] += self.clock['last']
