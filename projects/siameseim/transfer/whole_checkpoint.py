"""A checkpoint of a trained model is all of it: written so, or refused."""

from collections import OrderedDict
from collections.abc import Sized
from typing import Any, cast

import torch
from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner, TestLoop, ValLoop
from torch import nn

from ..atomic_file import remove_unfinished
from ..checkpoints.last_checkpoint import saved_in
from ..checkpoints.resume_state import check_alike, hash_of_names
from ..checkpoints.run_config import tell_changes
from ..engine.unwrap import unwrapped
from ..errors import InputError, some
from ..layouts.layout import stored_state
from ..layouts.load_backbone import ADDED, MIN_MATCHED, split_init_cfg
from ..models import SiameseIMViT
from .data_check import DataCheckHook, warn_of_other_images

_STATISTICS = ('running_mean', 'running_var')


def check_whole(
    model: nn.Module,
    contents: dict[str, Any],
    file: str,
    to_train: bool = False,
) -> None:
    """Refuse a checkpoint that would leave a part of a model at random.

    The toolboxes load what fits and only log the rest.

    Args:
        model (nn.Module): built by the config; it takes the weights over.
        contents (dict[str, Any]): the whole file.
        file (str): its name, for the error.
        to_train (bool): a training goes on with it, which needs mmseg's
            auxiliary head too, and nothing besides. Defaults to False.

    Raises:
        InputError: naming the first weight that is missing, of another shape
            or too much.
    """
    wrong = f'{file} is no checkpoint of the model in the config:'
    cure = (
        'give the checkpoint of a training with this config and these classes'
    )
    weights = OrderedDict(stored_state(contents))
    stored = contents.get('state_dict', contents)
    # by which modules know what an older version of theirs has saved
    weights._metadata = getattr(stored, '_metadata', None)  # type: ignore[attr-defined]
    try:
        found = model.load_state_dict(weights, strict=False)
    except (torch.OutOfMemoryError, NotImplementedError):
        raise  # RuntimeErrors too, but not the file's fault
    except RuntimeError as error:
        lines = [line.strip() for line in str(error).splitlines()]
        text = next((line for line in lines[1:] if line), lines[0])
        raise InputError(f'{wrong} {text.rstrip(".")}. So {cure}') from error
    # Other buffers a model may compute by itself.
    learned = {name for name, _ in model.named_parameters()}
    missing = [
        name
        for name in found.missing_keys
        if (name in learned or name.endswith(_STATISTICS))
        and (to_train or not name.startswith('auxiliary_head.'))
    ]
    if missing:
        count = len(missing)
        raise InputError(
            f'{wrong} of its weights {count} are missing, {missing[0]} the '
            f'first. So {cure}'
        )
    if found.unexpected_keys and to_train:
        raise InputError(
            f'{wrong} it has {found.unexpected_keys[0]} besides. So {cure}'
        )


def check_start(model: Any, contents: dict[str, Any], file: str) -> None:
    """Refuse a ``load_from`` that would leave a backbone at random.

    Positions of another grid fit. Where ``init_cfg`` loads the backbone, the
    file may bring other parts alone.

    Args:
        model (nn.Module): built by the config.
        contents (dict[str, Any]): the whole file.
        file (str): its name, for the error.

    Raises:
        InputError: saying how many tensors fit, and where else to give it.
    """
    backbone = getattr(model, 'backbone', None)
    if not isinstance(backbone, SiameseIMViT):
        return
    state = contents.get('state_dict', contents)
    shapes = {
        name.removeprefix('module.').removeprefix('backbone.'): value.shape
        for name, value in state.items()
        if name.removeprefix('module.').startswith('backbone.')
    }
    if not shapes and split_init_cfg(backbone.init_cfg)[1]:
        return
    own = backbone.state_dict()
    wanted = [name for name in own if not ADDED.match(name)]
    fit = [
        name
        for name in wanted
        if shapes.get(name) == own[name].shape
        or (name == 'pos_embed' and name in shapes)
    ]
    if len(fit) < MIN_MATCHED * len(wanted):
        raise InputError(
            f'load_from: only {len(fit)} of {len(wanted)} backbone tensors '
            f'of {file} fit the model. Give it as '
            'model.backbone.init_cfg.checkpoint in place of load_from, which '
            'reads every layout and says what else does not fit'
        )


class WholeCheckpointHook(Hook):
    """Refuses checkpoints of another model or of other classes.

    It looks at what is tested and at what a run resumes from; of weights that
    a run merely starts from only the backbone must be there. A test on other
    classes is only warned of, as their names may be others for the same
    thing. A resume of a run that is done says so.
    """

    priority = 'VERY_HIGH'  # before a moving average takes the weights

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Check weights and classes, and tell what a resume changes.

        Raises:
            InputError: if they do not fit.
        """
        tested = runner.cfg.get('train_dataloader') is None
        model, file = unwrapped(runner.model), runner._load_from
        if not (tested or runner._resume):
            check_start(model, checkpoint, file)
            return
        meta = checkpoint.get('meta', {})
        check_whole(model, checkpoint, file, to_train=not tested)
        self._check_classes(runner, meta.get('dataset_meta'), tested)
        if runner._resume:
            tell_changes(runner, meta.get('cfg'))

    def _check_classes(self, runner: Runner, saved: Any, tested: bool) -> None:
        loader = (
            runner.test_loop.dataloader if tested else runner.train_dataloader
        )
        now = getattr(loader.dataset, 'metainfo', {}).get('classes')
        then = (saved or {}).get('classes')
        if not now or not then or [*now] == [*then]:
            return
        text = (
            f'{runner._load_from} was trained on the classes {len(then)}: '
            f'{some(then)}, but the data have {len(now)}: {some(now)}'
        )
        if not tested:
            raise InputError(
                f'{text}: resume with the data of that run, or give another '
                '--work-dir'
            )
        runner.logger.warning(f'{text}: scores mean nothing if they differ')

    def before_train(self, runner: Runner) -> None:
        """Say so if there is nothing left to do, or images are not as were.

        The weights are loaded by now. Parts of checkpoints that a run was
        killed at are removed.

        Raises:
            InputError: if processes see other images to measure on.
        """
        if is_main_process():
            remove_unfinished(saved_in(runner.cfg))
        if not any(isinstance(hook, DataCheckHook) for hook in runner.hooks):
            warn_of_other_images(runner)  # as that hook does
        if runner.val_loop is not None:
            _check_processes(runner.val_loop)
        if runner.iter >= runner.max_iters:
            runner.logger.info('the training is done: nothing to do')

    def before_test(self, runner: Runner) -> None:
        """Refuse to measure on other images in other processes."""
        _check_processes(runner.test_loop)


def _check_processes(loop: ValLoop | TestLoop) -> None:
    """Refuse data of which processes see other parts: scores would be wrong.

    All processes must call it.
    """
    dataset = cast(Sized, loop.dataloader.dataset)
    own = {
        'number of images to measure on': len(dataset),
        'names of the images to measure on, as a hash,': hash_of_names(
            dataset
        ),
    }
    check_alike(own, '--data')


def write_completely(cfg: Config) -> None:
    """Let checkpoints be files only once they are whole, on a local disk.

    A training that is stopped while it saves would leave one cut short, or
    have removed the one before.
    """
    saving = (cfg.get('default_hooks') or {}).get('checkpoint')
    if not saving:
        return
    if saving.get('type') in ('CheckpointHook', 'mmengine.CheckpointHook'):
        saving.type = 'mmpretrain.TaskCheckpointHook'
    if saving.get('file_client_args'):  # which refuses the other
        return
    if '://' not in (saving.get('out_dir') or ''):
        saving.setdefault('backend_args', dict(backend='atomic'))
