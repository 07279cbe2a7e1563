"""A classifier that tells colours apart, without a network."""

from types import SimpleNamespace

import torch

from siameseim.evaluation import robustness as robust
from tests.test_evaluation.conftest import COLOURS

PIPELINE = [
    dict(type='LoadImageFromFile'),
    dict(type='ResizeEdge', scale=36, edge='short'),
    dict(type='CenterCrop', crop_size=32),
    dict(type='PackInputs'),
]


class ColourModel:
    """Scores classes by how near the mean colour is."""

    def __init__(self, names):
        self.names = names
        self.sizes = set()

    def test_step(self, batch):
        outs = []
        for image, sample in zip(
            batch['inputs'], batch['data_samples'], strict=True
        ):
            self.sizes.add(tuple(image.shape[1:]))
            rgb = image.float().mean(dim=(1, 2)).flip(0)  # stored as BGR
            scores = [
                -(rgb - torch.tensor(COLOURS[name])).norm().item()
                for name in self.names
            ]
            outs.append(
                SimpleNamespace(
                    pred_score=torch.tensor(scores), gt_label=sample.gt_label
                )
            )
        return outs


def classifier(*names):
    return robust.Classifier(
        ColourModel(names), PIPELINE, [*names],
        dict(batch_size=4, num_workers=0),
    )  # fmt: skip
