"""Checkpoints of several sizes and kinds, and what they compute."""

from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn

from siameseim.models import SiameseIMViT
from tests.vit_fixtures import to_timm

SIZES = {
    'p4': dict(img_size=(16, 16), patch_size=4, depth=2, heads=2),
    'p8-wide': dict(img_size=(16, 40), patch_size=8, depth=3, heads=4),
    'p14': dict(img_size=(28, 28), patch_size=14, depth=1, heads=3),
    'p16': dict(img_size=(48, 48), patch_size=16, depth=2, heads=1),
}


class Source(NamedTuple):
    """A file, and images with the tokens and logits it stands for."""

    path: str
    heads: int
    images: Tensor
    tokens: Tensor
    logits: Tensor
    model: SiameseIMViT
    sizes: dict[str, Any]
    pooling: str


@pytest.fixture(params=SIZES)
def sizes(request):
    return SIZES[request.param]


@pytest.fixture
def pretrained(sizes, tmp_path):
    """The backbone of a published pretraining file: no norm at the end."""
    return make_source(tmp_path / 'pretrained.pth', sizes, 'none')


@pytest.fixture
def finetuned(sizes, tmp_path):
    """A published fine-tuned file: mean of the patches, norm, head."""
    return make_source(tmp_path / 'finetuned.pth', sizes, 'avg')


@pytest.fixture
def cls_classifier(sizes, tmp_path):
    """All tokens normed, the cls token classified."""
    return make_source(tmp_path / 'cls.pth', sizes, 'cls')


@pytest.fixture(params=['avg', 'cls'])
def classifier(request, sizes, tmp_path):
    return make_source(tmp_path / 'classifier.pth', sizes, request.param)


def make_source(path, sizes, pooling):
    torch.manual_seed(0)
    width = 12 * sizes['heads']
    model = SiameseIMViT(
        arch=dict(
            embed_dims=width,
            num_layers=sizes['depth'],
            num_heads=sizes['heads'],
            feedforward_channels=3 * width,
        ),
        img_size=sizes['img_size'],
        patch_size=sizes['patch_size'],
        final_norm=pooling == 'cls',
    ).eval()
    for name, parameter in model.named_parameters():
        if name != 'pos_embed':
            nn.init.normal_(parameter, std=0.3)
    norm, head = nn.LayerNorm(width, eps=1e-6), nn.Linear(width, 5)
    nn.init.normal_(norm.weight)
    state = to_timm(model.state_dict())
    if pooling == 'cls':
        for kind in ('weight', 'bias'):
            state[f'norm.{kind}'] = state.pop(f'ln1.{kind}')
    elif pooling == 'avg':
        state |= {f'fc_norm.{n}': t for n, t in norm.state_dict().items()}
    if pooling != 'none':
        state |= {f'head.{n}': t for n, t in head.state_dict().items()}
    torch.save({'model': state}, path)
    images = torch.randn(3, 3, *sizes['img_size'])
    with torch.no_grad():
        tokens = model.encode(images)
        pooled = tokens[:, 0] if pooling == 'cls' else tokens[:, 1:].mean(1)
        logits = head(norm(pooled) if pooling == 'avg' else pooled)
    heads = sizes['heads']
    return Source(
        str(path), heads, images, tokens, logits, model, sizes, pooling
    )
