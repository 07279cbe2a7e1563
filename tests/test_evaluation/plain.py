"""Features and votes by the plainest means, one at a time."""

import math

import numpy as np
import torch
from PIL import Image
from torchvision.transforms import v2


def loop_predict(features, bank, labels, num_classes, k, temperature):
    """One feature, one neighbour at a time."""
    predictions = []
    for feature in features.tolist():
        cosines = []
        for other in bank.tolist():
            dot = sum(a * b for a, b in zip(feature, other, strict=True))
            cosines.append(dot / math.hypot(*feature) / math.hypot(*other))
        order = sorted(range(len(bank)), key=lambda i: -cosines[i])
        votes = [0.0] * num_classes
        for i in order[:k]:
            votes[labels[i]] += math.exp(cosines[i] / temperature)
        predictions.append(votes.index(max(votes)))
    return predictions


def plain_feature(
    model,
    path,
    num_extra_tokens=1,
    mean=(0.485, 0.456, 0.406),
    std=(0.229, 0.224, 0.225),
):
    """Mean patch token of one image file, seen in 16 x 16 pixels."""
    image = Image.open(path).convert('RGB')
    image = v2.functional.resize(image, [18])  # 16 * 256 / 224
    image = v2.functional.center_crop(image, [16, 16])
    pixels = torch.tensor(np.asarray(image)).permute(2, 0, 1) / 255
    mean, std = (torch.tensor(x)[:, None, None] for x in (mean, std))
    with torch.no_grad():
        tokens = model.encode(((pixels - mean) / std)[None])
    return tokens[0, num_extra_tokens:].mean(0)
