"""Continues a run at the very image and random number where it stopped."""

from typing import Any

from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpretrain.registry import HOOKS
from torch import Tensor

from ..engine.schedule import ends_window
from ..engine.unwrap import unwrapped
from ..errors import InputError
from ..layouts.load_backbone import MIN_MATCHED
from ..rng_state import get_rng_state, set_rng_state
from .resume_state import KEY, check_state
from .run_config import tell_changes


@HOOKS.register_module()
class ExactResumeHook(Hook):
    """Sets the sampler before each epoch; after a resume, also its start.

    It takes the place of the stock ``DistSamplerSeedHook``. Images that were
    used before an interruption are skipped without being read. The states of
    all random generators come back as they were; ``SafeCheckpointHook``
    writes them.
    """

    def __init__(self) -> None:
        self._rng: dict[str, Tensor] | None = None

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Check that this run is the same, and keep its random state.

        Of weights that a new run starts from it says how many fit.

        Raises:
            InputError: if it differs in data, batch or seed, or if the
                checkpoint lies within an optimizer step; if less than 95 %
                of a new run's weights are in the file.
        """
        if not runner._resume:
            _check_start(runner, checkpoint.get('state_dict', checkpoint))
            return
        self._check(runner, checkpoint)
        tell_changes(runner, checkpoint['meta'].get('cfg'))

    def _check(self, runner: Runner, checkpoint: dict) -> None:
        """Take over the random state of the same run; refuse any other."""
        if 'iter' not in checkpoint.get('meta', {}):
            file = runner._load_from
            raise InputError(
                f'{file} is no checkpoint of a run, which alone --resume can '
                'go on from. To begin a run with its weights: '
                f'`tools/convert.py {file} start.pth --to '
                'siameseim-pretraining`, then --cfg-options '
                'load_from=start.pth in place of --resume'
            )
        _check_model(runner, checkpoint['state_dict'])
        done = checkpoint['meta']['iter']
        if not ends_window(runner, done):
            raise InputError(
                f'the checkpoint was saved after {done} iterations, within an '
                f'optimizer step of {runner.optim_wrapper.accumulation}: '
                'resume from one that SafeCheckpointHook wrote'
            )
        if KEY not in checkpoint:
            runner.logger.warning(
                'the checkpoint was not written by SafeCheckpointHook: the '
                'run continues, but not bit for bit'
            )
            return
        state = checkpoint[KEY]
        if check_state(runner, state):
            self._rng = state['rng'][get_rank()]
        else:
            runner.logger.warning(
                'the number of processes changed: the run continues with the '
                'same batches, but sums are rounded differently'
            )

    def before_train(self, runner: Runner) -> None:
        """Say so if there is nothing left to do.

        Raises:
            InputError: if the order is not one that a run can go on with.
        """
        sampler = runner.train_dataloader.sampler
        if not hasattr(sampler, 'set_start'):
            raise InputError(
                f'train_dataloader.sampler.type={type(sampler).__name__} has '
                'no set_start, so the run could not be resumed; stock ones '
                'also show the same views of an image in each epoch: give '
                'ResumableSampler'
            )
        if runner.iter >= runner.max_iters:
            runner.logger.info(
                f'all {runner.max_epochs} epochs are done: nothing to do'
            )

    def before_train_epoch(self, runner: Runner) -> None:
        """Choose the epoch and leave out what it has already used."""
        loader = runner.train_dataloader
        done = runner.iter - runner.epoch * len(loader)
        loader.sampler.set_epoch(runner.epoch)
        if done:
            loader.sampler.set_start(done * loader.batch_size)
        # A loader draws a number when it starts, unless its workers persist.
        # Undone in every epoch, that cannot tell runs apart.
        self._rng = self._rng or get_rng_state()

    def before_train_iter(self, runner: Runner, *_: Any, **__: Any) -> None:
        """Continue with the random state from before the loader started."""
        if self._rng is not None:
            set_rng_state(self._rng)
            self._rng = None


def _check_start(runner: Runner, saved: dict[str, Any]) -> None:
    """Say how many weights a new run takes from a file, or refuse it."""
    own = unwrapped(runner.model).state_dict()
    saved = {n.removeprefix('module.'): value for n, value in saved.items()}
    fit = [
        name
        for name, value in own.items()
        if getattr(saved.get(name), 'shape', None) == value.shape
    ]
    text = f'{len(fit)} of {len(own)} tensors from {runner._load_from}'
    if len(fit) < MIN_MATCHED * len(own):
        raise InputError(
            f'load_from: only {text} fit the model. To start from a backbone '
            'alone set model.backbone.init_cfg, which reads every layout; '
            'tools/convert.py makes files of whole models with '
            '--to siameseim-pretraining'
        )
    runner.logger.info(f'the run starts from {text}')


def _check_model(runner: Runner, saved: dict[str, Tensor]) -> None:
    """Refuse the weights of another model, of which mmengine only warns.

    Shapes are compared, not loaded: a backbone takes positions of any grid.
    """
    here, there = (
        {name: tuple(value.shape) for name, value in state.items()}
        for state in (unwrapped(runner.model).state_dict(), saved)
    )
    for name in here | there:
        own, other = here.get(name, 'absent'), there.get(name, 'absent')
        if own != other:
            raise InputError(
                f'the checkpoint is of another model: {name} is {other} there '
                f'and {own} here. Resume with the config of that run, or give '
                'another --work-dir'
            )
