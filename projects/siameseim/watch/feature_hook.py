"""Measures during training whether the features collapse."""

import math
from typing import Any

import torch
from mmengine.dist import all_reduce
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from mmpretrain.registry import HOOKS
from torch import Tensor

from ..errors import InputError
from .judge import CollapseJudge, Limits, Signs
from .signs import FeatureSigns, feature_signs
from .taps import FeatureTaps

# What a resumed run goes on with.
_UNTRAINED = 'untrained_features'
_IN_A_ROW = 'features_past_limits'


@HOOKS.register_module()
class FeatureWatchHook(Hook):
    """Logs signs of collapse of the features and warns.

    Every ``interval`` iterations the features that the step itself computed
    are looked at, on all processes, and the means are logged as
    ``BRANCH_SIGN`` ('target_rank', 'online_cosine', ...; see ``FeatureTaps``
    and ``FeatureSigns``). The first iteration of a run is the untrained
    network, which the limits refer to; it survives a resume, as does the
    number of measurements in a row that passed them.

    Args:
        interval (int): iterations between two measurements; 0 turns the hook
            off. Defaults to 200.
        warmup (float): share of the run without warnings, since features
            shrink at the start of healthy runs too. Defaults to 0.05.
        patience (int): measurements in a row that cause a warning.
            Defaults to 2.
        limits (dict, optional): fields of ``Limits`` to change.
        stop (bool): end the run with a warning. Defaults to False.
    """

    def __init__(
        self,
        interval: int = 200,
        warmup: float = 0.05,
        patience: int = 2,
        limits: dict | None = None,
        stop: bool = False,
    ) -> None:
        self.interval = interval
        self.warmup = warmup
        self.stop = stop
        self.judge = CollapseJudge(
            Limits(**(limits or {})), patience, again=stop
        )
        self._taps: FeatureTaps | None = None

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None
    ) -> None:
        """Listen to the model in an iteration that is measured."""
        if self._is_due(runner):
            model = runner.model
            if is_model_wrapper(model):
                model = model.module
            self._taps = FeatureTaps(model)

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: dict | None = None,
    ) -> None:
        """Measure, log, and warn if limits are passed.

        Raises:
            InputError: if they are and ``stop`` was asked for.
        """
        if self._taps is None:
            return
        self._taps.remove()
        tokens, self._taps = self._taps.tokens, None
        signs = measure(tokens)
        if signs is None:  # this batch is not finite: others report it
            return
        for branch, values in signs.items():
            for name, value in values._asdict().items():
                runner.message_hub.update_scalar(
                    f'train/{branch}_{name}', value
                )
        self._judge(runner, signs)

    def _is_due(self, runner: Runner) -> bool:
        if self.interval == 0:
            return False
        return runner.iter == 0 or (runner.iter + 1) % self.interval == 0

    def _judge(self, runner: Runner, signs: Signs) -> None:
        hub = runner.message_hub
        if hub.get_info(_UNTRAINED) is None:
            hub.update_info(_UNTRAINED, {b: [*v] for b, v in signs.items()})
        if runner.iter < self.warmup * runner.max_iters:
            return
        untrained = {
            branch: FeatureSigns(*values)
            for branch, values in hub.get_info(_UNTRAINED).items()
        }
        self.judge.in_a_row = hub.get_info(_IN_A_ROW, 0)
        warning = self.judge.warning(signs, untrained)
        hub.update_info(_IN_A_ROW, self.judge.in_a_row)
        if warning is None:
            return
        text = f'iteration {runner.iter + 1}: {warning}'
        if self.stop:
            runner.visualizer.close()
            raise InputError(text)
        runner.logger.warning(text)


def measure(tokens: dict[str, Tensor]) -> Signs | None:
    """Signs of each branch, the mean over all processes.

    Args:
        tokens (dict[str, Tensor]): from ``FeatureTaps``.

    Returns:
        dict[str, FeatureSigns] | None: None if a feature is not finite.
    """
    # Singular values of NaN are an error in some libraries.
    finite = torch.stack([t.isfinite().all() for t in tokens.values()]).all()
    rows = torch.stack(
        [feature_signs(t.nan_to_num(0.0, 0.0, 0.0)) for t in tokens.values()]
    )
    rows = rows.where(finite, float('nan'))
    all_reduce(rows, op='mean')
    values = rows.tolist()
    if any(math.isnan(value) for row in values for value in row):
        return None
    return {
        branch: FeatureSigns(*row)
        for branch, row in zip(tokens, values, strict=True)
    }
