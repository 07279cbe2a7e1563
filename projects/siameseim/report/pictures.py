"""The pictures of a model on a handful of images."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure
from mmengine.registry import FUNCTIONS
from mmpretrain.datasets import BaseDataset
from mmpretrain.registry import DATASETS
from PIL import Image
from torch import Tensor
from torchvision.transforms import v2

from ..datasets import PretrainDataset, data_source
from ..datasets.source_image import SourceImage, UnreadableImageError
from ..errors import InputError
from ..evaluation.features import (
    central_view,
    check_finite,
    patch_features,
)
from ..evaluation.held_out import normalised
from ..evaluation.matching import (
    MatchingScore,
    match_predictions,
    match_views,
)
from ..evaluation.predicted import predict_view2
from ..log import warn
from ..models import SiameseIM
from ..models.norm import layer_norm_fp32
from ..visualization.correspondence import draw
from ..visualization.dense import attention_maps, nearest_images, pca_colours
from ..visualization.figures import (
    draw_dense,
    draw_neighbours,
    draw_tsne,
    evenly_spaced,
)

MAX_IMAGES = 300  # a page stays small and is made in a minute


@dataclass(frozen=True)
class ImageSet:
    """Some images, cut to the size of a view."""

    paths: list[Path]  # N names, evenly taken from all of them
    pixels: Tensor  # (N, 3, S, S) uint8 RGB
    tokens: Tensor  # (N, L, C) patch features of the online backbone
    target_tokens: Tensor  # likewise of the target backbone
    projected: Tensor  # (N, L, D) of the target's projector


def open_images(source: Path) -> BaseDataset:
    """All images of a folder, tar archives or an LMDB, not yet read.

    Raises:
        InputError: if there are none, or fewer than four.
    """
    try:
        data = DATASETS.build(data_source(str(source)))
    except (OSError, ValueError) as error:
        raise InputError(f'no images for pictures: {error}') from error
    if len(data) < 4:
        raise InputError(
            f'{source} holds {len(data)} images, but a report compares '
            'images: give at least four'
        )
    return data


def load_images(model: SiameseIM, source: Path, count: int) -> ImageSet:
    """Read up to ``count`` images and encode them.

    Raises:
        InputError: if there are fewer than four that can be read, or their
            features are not finite.
    """
    data = open_images(source)
    chosen = evenly_spaced(torch.arange(len(data)), count).tolist()
    images = _readable([data.get_data_info(index) for index in chosen])
    cut = v2.Compose(
        [*central_view(model.backbone.img_size), v2.PILToTensor()]
    )
    pixels = torch.stack([cut(image) for image in images.values()])
    parts = [_encoded(model, batch) for batch in pixels.split(64)]
    tokens = [torch.cat(part) for part in zip(*parts, strict=True)]
    for found in tokens:
        check_finite(found)
    return ImageSet([*images], pixels, *tokens)


def _encoded(model: SiameseIM, pixels: Tensor) -> list[Tensor]:
    """Patch features of both backbones and of the target's projector."""
    data = model.data_preprocessor(dict(inputs=pixels, data_samples=None))
    online = patch_features(model.backbone, data['inputs'])
    target = model.target.encode(data['inputs'])
    return [online, *(tokens.float().cpu() for tokens in target)]


def _readable(infos: list[dict[str, Any]]) -> dict[Path, Image.Image]:
    """Those of some images that can be read; the others are named."""
    found = {}
    for info in infos:
        path = Path(info['img_path'])
        try:
            pixels = SourceImage.from_data_info(info).decode()
            found[path] = Image.fromarray(pixels)
        except UnreadableImageError as error:
            warn(f'{path} is left out of the pictures: {error}')
    if len(found) < 4:
        raise InputError(
            f'only {len(found)} of {len(infos)} images such as {path} can be '
            'read, but a report compares images: give at least four'
        )
    return found


def feature_figures(model: SiameseIM, images: ImageSet) -> dict[str, Figure]:
    """What the features of images show, by name.

    'features' with attention, and 'neighbours', of a few; 'tsne' of all.
    """
    pixels, means = images.pixels, images.tokens.mean(dim=1)
    few = evenly_spaced(torch.arange(len(pixels)), 5)
    batch = dict(inputs=pixels[few], data_samples=None)
    view = model.data_preprocessor(batch)['inputs']
    grid = model.backbone.patch_resolution
    dense = draw_dense(
        pixels[few],
        attention_maps(model.backbone, view),
        pca_colours(images.tokens[few], grid),
    )
    found = nearest_images(means, few, 4)
    return dict(
        features=dense,
        neighbours=draw_neighbours(pixels, few, found),
        tsne=draw_tsne(pixels, means),
    )


def pair_figures(
    model: SiameseIM, cfg: Any, source: Path, count: int
) -> tuple[list[Figure], dict[str, MatchingScore]]:
    """Correspondence between two random views of a few images.

    Args:
        model (SiameseIM): in eval mode.
        cfg (Config): whose pipeline makes the views, without the colours.
        source (Path): as for ``open_images``.
        count (int): pairs drawn; four times as many are measured.

    Returns:
        tuple: the figures of the first pairs that overlap, and the scores of
        all: 'matched' by features, 'predicted' from the visible patches.
    """
    pipeline = [
        step
        for step in cfg.train_dataloader.dataset.pipeline
        if step['type'] != 'ViewPhotometric'
    ]
    data = PretrainDataset(data_source(str(source)), pipeline)
    chosen = evenly_spaced(torch.arange(len(data)), 4 * count).tolist()
    collate = dict(cfg.train_dataloader.collate_fn)
    kind = collate.pop('type')
    put_together = FUNCTIONS.get(kind) if isinstance(kind, str) else kind
    batch = put_together([data[index] for index in chosen], **collate)
    samples = batch['data_samples']
    batch['inputs'] = batch['inputs'][:2]  # a model of one's own may take more
    for name in ('boxes', 'flips'):
        samples[name] = samples[name][:, :2]
    views = normalised(model, batch)
    matched = match_views(model.backbone, views, samples)
    with torch.no_grad():
        target = layer_norm_fp32(model.target(views[1])).cpu()
        prediction = predict_view2(
            model, views[0], samples, samples['visible']
        )
    predicted = match_predictions(prediction, target, samples, matched.grid)
    shown = torch.minimum(matched.inside.sum(1), predicted.inside.sum(1))
    figures = []
    for i in (shown >= 4).nonzero()[:count, 0].tolist():
        info = data.dataset.get_data_info(int(samples['sample_idx'][i]))
        whole = SourceImage.from_data_info(info).decode()
        figures.append(
            draw(whole, batch['inputs'], samples, matched, predicted, i)
        )
    return figures, dict(matched=matched.score(), predicted=predicted.score())
