"""What a frozen backbone of any of the compared methods knows.

All methods are read the same way: mean of the patch tokens of the last block,
after its final norm where the method trains one.
"""

import torch
from mmpretrain.models import VisionTransformer
from mmpretrain.registry import MODELS
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn
from torchvision.datasets import ImageFolder

from ..engine.quiet import quiet
from ..errors import InputError
from ..evaluation.features import check_finite
from ..evaluation.knn import accuracies
from ..evaluation.labelled import (
    LabelledFeatures,
    folder_neighbours,
    pooled_features,
)
from ..models import SiameseIMViT
from ..watch.signs import effective_rank

K = 20  # neighbours that vote
PENALTY = 10.0  # of ||W||^2 / 2 against the sum of the cross-entropies


def image_size(backbone: nn.Module) -> tuple[int, int]:
    """Height and width of what a backbone to be measured takes, in pixels.

    Raises:
        InputError: if it is no ViT of mmpretrain.
    """
    if not isinstance(backbone, VisionTransformer):
        raise InputError(
            f'the backbone of the row is a {type(backbone).__name__}: only '
            "mmpretrain's VisionTransformer, and what is derived from it, can "
            'be measured'
        )
    return backbone.img_size


def plain_vit(backbone: VisionTransformer) -> SiameseIMViT:
    """A copy that encodes whole images, whatever method trains the original.

    Args:
        backbone (VisionTransformer): of SiameseIM, MAE or MoCo v3.

    Returns:
        SiameseIMViT: on the same device, in eval mode, without gradient.
    """
    with torch.random.fork_rng([]):  # else it would draw of the run's numbers
        copy: SiameseIMViT = MODELS.build(
            dict(
                type='SiameseIMViT',
                arch=backbone.arch_settings,
                img_size=backbone.img_size,
                patch_size=backbone.patch_embed.projection.kernel_size[0],
                final_norm=backbone.final_norm,
            )
        )
    state = backbone.state_dict()
    for name in [name for name in state if name.startswith('ln2.')]:
        del state[name]  # the norm of pooled tokens
    with quiet():  # about positions that are learned
        copy.load_state_dict(state)
    copy.requires_grad_(False)
    return copy.to(backbone.cls_token.device).eval()


def frozen_scores(
    backbone: VisionTransformer,
    preprocessor: nn.Module,
    splits: tuple[ImageFolder, ImageFolder],
    with_linear: bool = True,
    num_workers: int = 2,
) -> dict[str, float]:
    """k-NN, linear probe and effective rank; draws no random number.

    Args:
        backbone (VisionTransformer): as for ``plain_vit``.
        preprocessor (nn.Module): the model's data preprocessor.
        splits (tuple[ImageFolder, ImageFolder]): of ``labelled_splits``.
        with_linear (bool): also fit the probe. Defaults to True.
        num_workers (int): loading processes. Defaults to 2.

    Returns:
        dict[str, float]: 'knn' and 'linear' in per cent of the second
        split, 'rank' of the first split's centred features.
    """
    vit = plain_vit(backbone)
    bank, queries = (
        pooled_features(vit, preprocessor, split, num_workers=num_workers)
        for split in splits
    )
    found, labels = folder_neighbours(
        bank, queries, K, device=vit.cls_token.device
    )
    rows = bank.features.float()
    scores = {
        'knn': 100 * accuracies(found, labels, [K])[K],
        'rank': effective_rank(rows - rows.mean(dim=0)).item(),
    }
    if with_linear:
        scores['linear'] = linear_accuracy(bank, queries)
    return scores


def linear_accuracy(train: LabelledFeatures, test: LabelledFeatures) -> float:
    """Multinomial logistic regression on standardised features, per cent.

    The head of the method's linear probe (BatchNorm without affine, Linear),
    fitted to convergence on features of unaugmented images: seconds on a CPU
    where the probe of ``evaluation.linear_probe`` takes epochs.

    Raises:
        InputError: if some are NaN or infinite.
    """
    check_finite(train.features)
    check_finite(test.features)
    rows = train.features.float()
    mean, scale = rows.mean(dim=0), rows.std(dim=0) + 1e-6

    def standard(features: Tensor) -> Tensor:
        return (features.float() - mean) / scale

    model = LogisticRegression(C=1 / PENALTY, max_iter=1000)
    model.fit(standard(rows).numpy(), train.labels.numpy())
    right = model.score(standard(test.features).numpy(), test.labels.numpy())
    return 100 * float(right)
