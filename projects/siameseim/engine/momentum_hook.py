"""Moves the target branch along the schedule of method section 4."""

from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpretrain.registry import HOOKS

from ..errors import InputError, check_fractions
from .schedule import warmup_cosine
from .unwrap import unwrapped


@HOOKS.register_module()
class MomentumTargetHook(Hook):
    """Update the target once per optimizer step, before its first forward.

    Under gradient accumulation only the first iteration of each window
    updates it, with the online weights of the last optimizer step. If that
    step was skipped, there is nothing to follow and the target stays.

    Args:
        base_momentum (float): fraction of the target kept at the start of
            training. Defaults to 0.995.
        final_momentum (float): the same at the end, reached along a half
            cosine. Defaults to 1.

    Raises:
        InputError: if one of them is no fraction.
    """

    def __init__(
        self, base_momentum: float = 0.995, final_momentum: float = 1.0
    ) -> None:
        check_fractions(
            type(self).__name__,
            base_momentum=base_momentum,
            final_momentum=final_momentum,
        )
        self.base_momentum = base_momentum
        self.final_momentum = final_momentum

    def before_train(self, runner: Runner) -> None:
        """Ask for the wrapper that tells of windows and skipped steps.

        Raises:
            InputError: if the runner has another.
        """
        wrapper = runner.optim_wrapper
        if not all(hasattr(wrapper, n) for n in ('accumulation', 'skipped')):
            raise InputError(
                f'optim_wrapper.type={type(wrapper).__name__} does not tell '
                'the target branch of windows and skipped steps: give '
                'AutocastOptimWrapper or a subclass'
            )

    def before_train_iter(self, runner: Runner, *_: Any, **__: Any) -> None:
        """Update the target if an optimizer window begins here."""
        if runner.iter % runner.optim_wrapper.accumulation:
            return
        left = warmup_cosine(runner.iter, 0, runner.max_iters)  # from 1 to 0
        final = self.final_momentum
        momentum = final - left * (final - self.base_momentum)
        unwrapped(runner.model).update_target(
            momentum, runner.optim_wrapper.skipped
        )
        runner.message_hub.update_scalar('train/momentum', momentum)
