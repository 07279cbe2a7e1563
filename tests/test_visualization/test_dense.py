"""Attention, colours and neighbours against slow or hand-worked answers."""

import torch
from torch.testing import assert_close

from siameseim.visualization.dense import (
    attention_maps,
    nearest_images,
    pca_colours,
)
from tests.model_fixtures import tiny_model


def test_attention_equals_a_loop_over_heads():
    torch.manual_seed(0)
    backbone = tiny_model().backbone.eval()
    images = torch.rand(2, 3, 16, 16)
    with torch.no_grad():
        x, _ = backbone._embed(images)
        x = backbone._prepend_cls(x)
        for layer in backbone.layers[:-1]:
            x = layer(x)
        last = backbone.layers[-1]
        qkv = last.attn.qkv(last.ln1(x))
    expected = torch.zeros(2, 16)
    for image in range(2):
        for head in range(2):  # 16 wide: query, key, value of 2 x 8
            query = qkv[image, 0, 8 * head : 8 * head + 8]
            keys = qkv[image, :, 16 + 8 * head : 24 + 8 * head]
            weights = torch.softmax(keys @ query / 8**0.5, dim=0)
            expected[image] += weights[1:] / 2
    found = attention_maps(backbone, images)
    assert_close(found, expected.view(2, 4, 4))


def test_attention_to_images_of_another_size():
    backbone = tiny_model().backbone.eval()
    assert attention_maps(backbone, torch.rand(1, 3, 8, 24)).shape == (1, 2, 6)


def test_colours_follow_the_main_direction():
    """Features on a line: the first channel grows or falls along it."""
    steps = torch.arange(16.0).view(1, 16, 1)
    tokens = steps * torch.tensor([3.0, 4.0, 0.0, 0.0])
    tokens = tokens + 0.01 * torch.randn(
        1, 16, 4, generator=torch.Generator().manual_seed(0)
    )
    red = pca_colours(tokens, (4, 4))[0, ..., 0].flatten()
    red = red if red[0] == 0 else red.flip(0)  # as scikit-learn has the sign
    assert (red.diff() >= 0).all()
    assert red[0] == 0 and red[-1] == 1


def test_colours_are_shared_by_images():
    tokens = torch.randn(1, 16, 8, generator=torch.Generator().manual_seed(0))
    both = pca_colours(torch.cat([tokens, tokens]), (4, 4))
    assert torch.equal(both[0], both[1])


def test_neighbours_are_found_and_never_the_image_itself():
    features = torch.tensor([[1.0, 0], [0.9, 0.1], [-1, 0], [-0.9, 0.2]])
    found = nearest_images(features, torch.tensor([0, 3]), 1)
    assert found.tolist() == [[1], [2]]
    everything = nearest_images(features, torch.arange(4), 10)
    assert everything.shape == (4, 3)
    assert all(i not in row for i, row in enumerate(everything.tolist()))
