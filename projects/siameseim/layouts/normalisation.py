"""Mean and deviation by which the images of a backbone are normalised."""

from typing import Any, NamedTuple

import numpy as np
from torch import Tensor, nn

from ..config_text import stored_settings
from ..log import tell, warn

_NAME = 'normalisation'  # attribute of a backbone that has been loaded
_DIGITS = 10  # so that 0.485 * 255 is 123.675 in floating point too


class Normalisation(NamedTuple):
    """What is subtracted from pixels, and what they are divided by.

    Attributes:
        mean (tuple[float, ...]): of values in 0 to 255, for each channel
            (RGB), or one for all.
        std (tuple[float, ...]): likewise.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __str__(self) -> str:
        """For people."""
        mean, std = ([float(f'{x:.6g}') for x in part] for part in self)
        return f'mean {mean} and std {std}'

    def fractions(self, channels: int) -> tuple[list[float], list[float]]:
        """Mean and deviation of values in 0 to 1, for each channel."""
        mean, std = (
            [round(x / 255, _DIGITS) for x in part]
            * (channels if len(part) == 1 else 1)
            for part in self
        )
        return mean, std


IMAGENET = Normalisation((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))
_RAW = Normalisation((0.0,), (1.0,))


def find_normalisation(extra: dict[str, Any]) -> Normalisation:
    """Look in a ``BackboneFile.extra``; else it is taken to be ImageNet's."""
    meta = extra.get('meta', {})
    timm = extra.get('config', {}).get('pretrained_cfg')
    timm = timm if isinstance(timm, dict) else {}
    return (
        _from_processor(extra.get('preprocessor', {}))
        or _given(timm.get('mean'), timm.get('std'), 255)
        or _given(meta.get('mean'), meta.get('std'))
        or _from_config_text(meta.get('cfg'))
        or IMAGENET
    )


def attach(model: nn.Module, found: Normalisation) -> None:
    """Let a backbone know by what its images are normalised."""
    setattr(model, _NAME, found)


def normalisation_of(model: nn.Module) -> Normalisation:
    """By what a backbone's images are normalised; logged unless usual."""
    found: Normalisation = getattr(model, _NAME, IMAGENET)
    if found != IMAGENET:
        tell(
            f"images are normalised by {found}, not by ImageNet's, as this "
            'backbone was trained'
        )
    return found


def warn_of_another(model: nn.Module) -> None:
    """Say so if a model feeds its loaded backbone other values.

    Args:
        model (nn.Module): has ``backbone`` and ``data_preprocessor``. Nothing
            is said of a backbone that was not loaded from a file.
    """
    trained = getattr(getattr(model, 'backbone', None), _NAME, None)
    own = getattr(model, 'data_preprocessor', None)
    mean, std = getattr(own, 'mean', None), getattr(own, 'std', None)
    used = _RAW
    if isinstance(mean, Tensor) and isinstance(std, Tensor):
        used = Normalisation(
            tuple(mean.flatten().tolist()), tuple(std.flatten().tolist())
        )
    order = 'BGR ' if _keeps_bgr(own) else ''
    if (
        trained is None
        or not order
        and np.allclose(used.fractions(3), trained.fractions(3), atol=1e-5)
    ):
        return
    warn(
        f'model.data_preprocessor gives {order}images normalised by {used}, '
        f'but the backbone was trained on RGB images normalised by {trained} '
        "(ImageNet's where its file tells none): set the same mean and std "
        'there, in mmdet and mmseg with bgr_to_rgb=True'
    )


def _keeps_bgr(preprocessor: Any) -> bool:
    """Whether one of mmdet or mmseg leaves the order in which files are read.

    mmpretrain's may get RGB, as of CIFAR-10.
    """
    names = ('_channel_conversion', 'channel_conversion')  # mmdet, mmseg
    return False in [getattr(preprocessor, name, None) for name in names]


def _given(mean: Any, std: Any, scale: float = 1) -> Normalisation | None:
    if not mean or not std:
        return None
    try:
        mean, std = (
            tuple(round(float(x) * scale, _DIGITS) for x in part)
            for part in (mean, std)
        )
    except (TypeError, ValueError):
        return None  # what is no list of numbers tells nothing
    return Normalisation(mean, std)


def _from_processor(processor: dict[str, Any]) -> Normalisation | None:
    """From Hugging Face's ``preprocessor_config.json``."""
    scale = 1 / (processor.get('rescale_factor') or 1 / 255)
    if processor.get('do_rescale') is False:
        scale = 1
    if processor.get('do_normalize') is False:
        return _given([0], [1], scale)
    return _given(
        processor.get('image_mean'), processor.get('image_std'), scale
    )


def _from_config_text(text: Any) -> Normalisation | None:
    """From the config that mmengine stores as text, without running it."""
    found = stored_settings(text)
    for place in ('model.data_preprocessor.', 'data_preprocessor.'):
        own = {
            name.removeprefix(place): value
            for name, value in found.items()
            if name.startswith(place)
        }
        if own:
            mean = [v for n, v in own.items() if n.startswith('mean.')]
            std = [v for n, v in own.items() if n.startswith('std.')]
            stated = {*mean, *std, own.get('mean'), own.get('std')}
            # the stock classes leave pixels as they are unless told
            return _given(mean, std) if stated - {'None', None} else _RAW
    return None
