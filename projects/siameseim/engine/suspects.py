"""Which images may have made a step not finite."""

from dataclasses import dataclass, field
from typing import Any

import torch
from mmengine.runner import Runner
from torch import Tensor

from .unwrap import unwrapped


@dataclass
class Step:
    """What is remembered of an optimizer step until its flag is read."""

    iteration: int = 0
    losses: list[Tensor] = field(default_factory=list)
    samples: list[list[int]] = field(default_factory=list)
    odd: list[Tensor] = field(default_factory=list)
    skipped: Tensor = field(init=False)


def sample_indices(data_batch: Any) -> list[int]:
    """Places of a batch's images in the data set; empty if not given."""
    samples = (data_batch or {}).get('data_samples')
    if not isinstance(samples, dict) or 'sample_idx' not in samples:
        return []
    return samples['sample_idx'].tolist()  # in host memory: nobody waits


def odd_images(runner: Runner, count: int) -> Tensor:
    """(count,) whether features of an image are not finite; nobody waits.

    Those of the backbones, which no other image has touched: norms and loss
    carry what is not finite to all images, of all processes.
    """
    features = getattr(unwrapped(runner.model), 'step_features', None)
    if features is None or count == 0:
        return torch.zeros(count, dtype=torch.bool)
    sums = features.online.sum((1, 2)) + features.target.sum((1, 2))
    odd = ~sums.isfinite()
    return odd[:count] | odd[-count:]  # swapped views follow the others


def suspects(runner: Runner, step: Step) -> tuple[int, list[str]]:
    """How surely a step broke in this process, and at which images.

    2: at those whose features are not finite; 1: its loss is not; else 0.
    """
    names = image_names(runner, step)
    flags = torch.cat(step.odd).tolist()
    odd = [name for name, flag in zip(names, flags, strict=False) if flag]
    if odd:
        return 2, odd
    return int(not torch.stack(step.losses).isfinite().all()), names


def image_names(runner: Runner, step: Step) -> list[str]:
    """Files of the step's batches, or their places where there is no file."""
    dataset = runner.train_dataloader.dataset
    inner = getattr(dataset, 'dataset', dataset)
    return [
        str(inner.get_data_info(index).get('img_path', f'image {index}'))
        for batch in step.samples
        for index in batch
    ]
