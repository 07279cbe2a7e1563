"""The loss on images that are not trained on, for runs without labels."""

import copy
from typing import Any

import torch
from mmengine.dist import all_reduce, get_rank, get_world_size
from mmengine.runner import Runner
from mmpretrain.registry import DATASETS, HOOKS
from torch import Tensor

from ..checkpoints.resume_state import check_alike, hash_of_names
from ..datasets import PretrainDataset
from ..datasets.data_source import data_source
from ..engine.unwrap import unwrapped
from ..errors import InputError
from ..models import SiameseIM
from .epoch_hook import EpochMeasureHook
from .feature_hook import FOUND_AMONG, recognised


@HOOKS.register_module()
class ValidationHook(EpochMeasureHook):
    """Measures the loss on other images before training and after epochs.

    They go through the pipeline of the training images once: views, masks
    and colours are the same in each measurement. The model stays in train
    mode, as its norms and the whitening see whole batches, which are as large
    as in training if there are images enough. No BatchNorm buffer, weight or
    random number of the run changes.

    Logged are ``val_loss`` (the sum that training minimises), ``val_LOSS``
    for each of its terms, and ``val_found_image``, as ``FeatureWatchHook``
    measures it: a run learns its images by heart where its own goes on to
    rise and this one no longer does.

    Args:
        data (str, optional): images to validate on, in any form that
            ``tools/train.py --data`` takes. Defaults to None: the hook does
            nothing.
        interval (int): epochs between two measurements; the untrained network
            and the last epoch are always measured. Defaults to 1.
        images (int): at most so many, from all over the data; at least one
            batch on each process. Defaults to 512.
        budget (float, optional): as for ``KnnHook``. Defaults to 0.02.

    Raises:
        InputError: if ``interval`` or ``images`` is less than 1, or the
            budget negative.
    """

    what = 'validation'

    def __init__(
        self,
        data: str | None = None,
        interval: int = 1,
        images: int = 512,
        budget: float | None = 0.02,
    ) -> None:
        if interval < 1 or images < 1:
            raise InputError(
                f'default_hooks.validation: interval={interval} and '
                f'images={images} must be 1 or more'
            )
        super().__init__('validation', data, interval, budget)
        self.images = images

    def prepare(self, runner: Runner) -> None:
        """Load the images.

        Raises:
            InputError: if the data are missing or cannot be read, or hold
                fewer than two images a process, or processes see other
                numbers of them, or the model is of another method.
        """
        model = unwrapped(runner.model)
        if not isinstance(model, SiameseIM):
            raise InputError(
                f'default_hooks.validation.data={self.data} is for SiameseIM, '
                f'not {type(model).__name__}: leave it out'
            )
        self._batches = self._load(runner)

    def _load(self, runner: Runner) -> list[dict[str, Any]]:
        """This process's share of the images, in batches."""
        cfg = copy.deepcopy(runner.cfg.train_dataloader.dataset)
        cfg.update(dataset=data_source(str(self.data)), cache=False, repeats=1)
        try:
            dataset: PretrainDataset = DATASETS.build(cfg)
        except (OSError, ValueError) as error:
            raise InputError(
                f'default_hooks.validation.data={self.data}: {error}'
            ) from error
        found = {
            'number of images to validate on': len(dataset),
            'names of those images, as a hash,': hash_of_names(dataset),
        }
        check_alike(found, 'default_hooks.validation.data')
        loader, world = runner.train_dataloader, get_world_size()
        batch = min(loader.batch_size, len(dataset) // world)
        if batch < 2:
            raise InputError(
                f'default_hooks.validation.data={self.data} holds '
                f'{len(dataset)} images for {world} processes: give at least '
                'two for each'
            )
        count = min(self.images, len(dataset)) // (batch * world) or 1
        chosen = torch.linspace(0, len(dataset) - 1, count * batch * world)
        own = chosen.long()[get_rank() :: world].view(count, batch)
        runner.logger.info(
            f'validation on {len(chosen)} of the {len(dataset)} images of '
            f'{self.data}, {batch} at a time and process; own image found '
            f'among {min(FOUND_AMONG, batch)}'
        )
        return [
            loader.collate_fn([dataset[i] for i in indices])
            for indices in own.tolist()
        ]

    def report(self, runner: Runner, when: str) -> None:
        """Log the means to the text log and the visualizer's files."""
        with self.budget.measuring():
            scores = self.measure(runner)
        text = ', '.join(f'{n} {score:.4g}' for n, score in scores.items())
        runner.logger.info(f'validation {when}: {text}')
        runner.visualizer.add_scalars(
            {f'val_{name}': score for name, score in scores.items()},
            step=runner.iter,
        )

    def measure(self, runner: Runner) -> dict[str, float]:
        """``loss``, its terms and ``found_image``: means over all batches.

        All processes get the same. Computed by a copy of the model, whose
        blocks are not compiled.
        """
        model = copy.deepcopy(unwrapped(runner.model))
        model.update_target(1.0)  # kept as it is, but for the untrained too
        device = next(model.parameters()).device
        rows: list[dict[str, Tensor]] = []
        with (
            torch.no_grad(),
            torch.random.fork_rng([device] if device.type == 'cuda' else []),
            runner.optim_wrapper.autocast(),
        ):
            torch.manual_seed(0)  # of drop path, each time the same
            for batch in self._batches:
                images = min(FOUND_AMONG, len(batch['inputs'][0]))
                data = model.data_preprocessor(batch, True)
                losses = model(**data, mode='loss')
                loss, terms = model.parse_losses(losses)
                found = recognised(model.step_features, images)
                rows.append({**terms, 'loss': loss, 'found_image': found})
        values = [torch.stack([*row.values()]) for row in rows]
        means = torch.stack(values).mean(dim=0)
        all_reduce(means, op='mean')
        return dict(zip(rows[0], means.tolist(), strict=True))
