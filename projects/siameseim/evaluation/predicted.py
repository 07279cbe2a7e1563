"""How well view 2's patches are recognised from what view 1 predicts.

The task the network is trained on, as a question with right answers. Places
alone can answer part of it, so the same is asked with the view 1 of another
image, and once among patches that all lie at the same place.

Shape legend: B image pairs, L patches of a view, D decoder width.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..models import SiameseIM
from ..models.norm import layer_norm_fp32
from ..models.position import relative_geometry
from .features import evaluating
from .matching import match_predictions


@dataclass(frozen=True)
class PredictionScore:
    """Shares of right answers over view 2's patches that view 1 shows.

    The image is right if the predicted feature is nearest to the patch of that
    image, among the patches of all images at the same place; the place, if it
    is nearest to a patch within one patch of it, among those of the same view.
    ``_other`` ones are predicted from another image's view 1: what the crops'
    places alone give away. Chances are those of a patch drawn at random.
    """

    image: float
    image_other: float
    image_chance: float  # 1 / number of images
    place: float
    place_other: float
    place_chance: float
    count: int  # patches asked for


def found_image(prediction: Tensor, target: Tensor) -> Tensor:
    """Whether a prediction is nearest to its own image's patch at its place.

    Args:
        prediction (Tensor): (B, L, D).
        target (Tensor): (B, L, D).

    Returns:
        Tensor: (B, L) bool. Both are centred at each place first: what all
        images share there says nothing about the image.
    """
    first = F.normalize(prediction - prediction.mean(0), dim=-1)
    second = F.normalize(target - target.mean(0), dim=-1)
    cosines = torch.einsum('ild,jld->lij', first, second)
    own = torch.arange(len(target), device=target.device)
    return (cosines.argmax(dim=-1) == own).T  # (L, B) -> (B, L)


def predict_view2(
    model: SiameseIM,
    view1: Tensor,
    samples: dict[str, Tensor],
    visible: Tensor | None = None,
) -> Tensor:
    """What view 1 predicts of every patch of view 2.

    Args:
        model (SiameseIM): in eval mode.
        view1 (Tensor): (B, 3, height, width) normalised, on the model's
            device.
        samples (dict[str, Tensor]): ``boxes``, ``flips``, ``source_width``,
            on any device.
        visible (Tensor, optional): (B, V) indices of the patches that are
            seen, on any device. Defaults to None: all.

    Returns:
        Tensor: (B, L, D) on the CPU.
    """
    device = view1.device
    if visible is None:
        places = model.neck.predictor.positions.shape[1]
        visible = torch.arange(places).expand(len(view1), -1)
    visible = visible.to(device)
    geometry = relative_geometry(
        samples['boxes'].to(device),
        samples['flips'].to(device),
        samples['source_width'].to(device),
    )
    tokens = model.neck.projector(model.backbone(view1, visible))
    return model.neck.predictor(tokens, visible, geometry).cpu()


def score_predictions(
    model: SiameseIM, views: list[Tensor], samples: dict[str, Tensor]
) -> PredictionScore:
    """Ask for every patch of view 2 whose centre lies inside view 1.

    Args:
        model (SiameseIM): put into eval mode and back.
        views (list[Tensor]): view 1 and 2, (B, 3, height, width) normalised,
            on the model's device.
        samples (dict[str, Tensor]): ``boxes``, ``flips``, ``source_width``
            of at least two images, on the CPU.
    """
    view1, view2 = views
    grid = model.backbone.patch_resolution
    images, places = [], []
    with evaluating(model):
        target = layer_norm_fp32(model.target(view2)).cpu()
        for context in (view1, view1.roll(len(view1) // 2, dims=0)):
            prediction = predict_view2(model, context, samples)
            matches = match_predictions(prediction, target, samples, grid)
            right = found_image(prediction, target)[matches.inside]
            images.append(right.float().mean().item())
            places.append(matches.score())
    return PredictionScore(
        image=images[0],
        image_other=images[1],
        image_chance=1 / len(view1),
        place=places[0].accuracy,
        place_other=places[1].accuracy,
        place_chance=places[0].chance,
        count=places[0].count,
    )
