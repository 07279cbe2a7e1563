"""Measures during training whether features collapse or tell images apart."""

from contextlib import nullcontext
from typing import Any

import torch
from mmengine.dist import all_reduce
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpretrain.registry import HOOKS
from torch import Tensor

from ..engine.budget import Budget
from ..engine.log_line import FOUND_IMAGE
from ..engine.unwrap import unwrapped
from ..errors import InputError
from ..evaluation.predicted import found_image
from ..models.norm import layer_norm_fp32
from ..models.siameseim import StepFeatures
from .signs import FeatureSigns, Limits, Signs, collapsed, feature_signs

# What a resumed run goes on with.
UNTRAINED = 'untrained_features'
PAST_LIMITS = 'features_past_limits'

# Images among which a prediction has to find its own.
FOUND_AMONG = 64

# Iterations between two measurements of a run that has 2,000 or more, and the
# share of its time that they may take.
INTERVAL, SHARE = 200, 0.02

# Measurements in a row past the limits that cause a warning.
PATIENCE = 2

_TRY = (
    'The loss cannot show this. Try a lower optim_wrapper.optimizer.lr, a '
    'longer warm-up, a larger base_momentum of MomentumTargetHook, or a '
    'larger batch; check model.head.neg_weight (0.02 in the paper) and that '
    'the projector has BatchNorm. docs/watching.md tells more'
)


@HOOKS.register_module()
class FeatureWatchHook(Hook):
    """Logs signs of collapse, with a warning, and one of learning.

    Every ``interval`` iterations the features that the step itself computed
    are looked at, on all processes, and the means are logged as
    ``BRANCH_SIGN`` ('target_rank', 'online_cosine', ...; see ``StepFeatures``
    and ``FeatureSigns``). The first iteration of a run is the untrained
    network, which the limits refer to; it survives a resume, as does the
    number of measurements in a row that passed them.

    The sign of learning is ``found_image``, from ``recognised``: near chance
    for a network that learned nothing, or that collapsed. The last iteration
    of a run is measured as well.

    Args:
        interval (int, optional): iterations between two measurements; 0
            turns the hook off. By default 200, in a run of less than 2,000 a
            tenth of it, but at least ten; then one that would make all of
            them take more than 2 % of the time so far is left out. The first
            and the last are always made; the first after a start or a resume
            is not counted.
        warmup (float): share of the run without warnings, since features
            shrink at the start of healthy runs too. Defaults to 0.05.
        patience (int): measurements in a row that cause a warning.
            Defaults to 2.
        limits (dict, optional): fields of ``Limits`` to change.
        stop (bool): end the run with a warning. Defaults to False.

    Raises:
        InputError: if ``patience`` is less than 1.
    """

    def __init__(
        self,
        interval: int | None = None,
        warmup: float = 0.05,
        patience: int = PATIENCE,
        limits: dict | None = None,
        stop: bool = False,
    ) -> None:
        if patience < 1:
            raise InputError(
                f'default_hooks.features.patience={patience} must be 1 or more'
            )
        self.interval = interval
        self.warmup = warmup
        self.patience = patience
        self.limits = Limits(**(limits or {}))
        self.stop = stop
        share = SHARE if interval is None else None
        self._budget = Budget('features', share)

    def before_train(self, runner: Runner) -> None:
        """Choose how often, so that a short run tells as much as a long."""
        self._budget.start(runner)
        # The first warms the device up, and says nothing of the next ones.
        self._cold = True
        self._every = self.interval
        if self._every is None:
            self._every = min(INTERVAL, max(10, runner.max_iters // 10))

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
        self._budget.count(runner)
        images = min(FOUND_AMONG, len(data_batch['inputs'][0]))
        left_over = images == 1 < runner.train_dataloader.batch_size
        if left_over or not self._due(runner):  # one image shows nothing
            return
        with nullcontext() if self._cold else self._budget.measuring():
            measured = measure(step_features(runner), images)
        self._cold = False
        if measured is None:  # this batch is not finite: others report it
            return
        signs, found = measured
        step = runner.iter + 1
        runner.message_hub.update_info(FOUND_IMAGE, [found, step])
        # a line of its own: among the scalars of the step it would stand in
        # each line until the next measurement
        named = {
            f'{branch}_{name}': value
            for branch, values in signs.items()
            for name, value in values._asdict().items()
        }
        runner.visualizer.add_scalars(
            {'found_image': found, **named}, step=step
        )
        if step == 1:
            runner.logger.info(
                'own image found: whether the feature predicted for a patch '
                f"of view 2 is nearest to its own image's, among {images} "
                f'images; {1 / images:.1%} by chance, {found:.1%} untrained'
            )
        self._judge(runner, signs)

    def _due(self, runner: Runner) -> bool:
        """Whether to measure after this iteration; on all alike."""
        if runner.iter == 0 or runner.iter + 1 == runner.max_iters:
            return bool(self._every)
        due = self.every_n_train_iters(runner, self._every)
        return due and self._budget.allows_one_more()

    def _judge(self, runner: Runner, signs: Signs) -> None:
        """Warn once an episode of measurements in a row past the limits."""
        hub = runner.message_hub
        if hub.get_info(UNTRAINED) is None:
            hub.update_info(UNTRAINED, {b: [*v] for b, v in signs.items()})
        if runner.iter < self.warmup * runner.max_iters:
            return
        found = collapsed(signs, hub.get_info(UNTRAINED), self.limits)
        count = hub.get_info(PAST_LIMITS, 0) + 1 if found else 0
        hub.update_info(PAST_LIMITS, count)
        if count < self.patience or (count > self.patience and not self.stop):
            return
        text = (
            f'iteration {runner.iter + 1}: the network seems to collapse: '
            f'{"; ".join(found)}. {_TRY}'
        )
        if self.stop:
            runner.visualizer.close()
            raise InputError(text)
        runner.logger.warning(text)


def step_features(runner: Runner) -> StepFeatures:
    """What the model's last loss computed.

    Raises:
        InputError: if the model has a loss of its own, which keeps nothing.
    """
    model = unwrapped(runner.model)
    features = getattr(model, 'step_features', None)
    if features is None:
        raise InputError(
            f'the loss of {type(model).__name__} sets no self.step_features '
            '(siameseim.models.siameseim.StepFeatures): let it, or set '
            'default_hooks.features.interval=0 and leave out the probe'
        )
    return features


def measure(features: StepFeatures, images: int) -> tuple[Signs, float] | None:
    """Signs of each branch and ``recognised``, means over all processes.

    None if a feature is not finite. ``images`` are as for ``recognised``.
    """
    finite = torch.stack([t.isfinite().all() for t in features]).all()
    branches = features._asdict()
    del branches['prediction']
    # Eigenvalues of NaN are an error in some libraries.
    rows = [
        feature_signs(t.nan_to_num(0.0, 0.0, 0.0)) for t in branches.values()
    ]
    values = torch.cat([*rows, recognised(features, images)[None]])
    values = values.where(finite, float('nan'))
    all_reduce(values, op='mean')
    values = values.cpu()
    if values.isnan().any():
        return None
    signs = values[:-1].view(len(rows), -1).tolist()
    found = {
        branch: FeatureSigns(*row)
        for branch, row in zip(branches, signs, strict=True)
    }
    return found, values[-1].item()


def recognised(features: StepFeatures, images: int) -> Tensor:
    """Share of view 2's patches whose prediction finds its own image.

    Among the patches of all images at the same place, those view 1 does not
    show included.

    Args:
        features (StepFeatures): of one training step.
        images (int): the first images of the batch, without swapped views.

    Returns:
        Tensor: scalar, near 1 / images for a network that tells none apart.
    """
    prediction = features.prediction[:images].float()
    target = layer_norm_fp32(features.projected[:images])
    return found_image(prediction, target).float().mean()
