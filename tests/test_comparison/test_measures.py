"""Frozen scores and costs against counts made otherwise."""

import pytest
import torch
from mmengine.model import BaseModel
from mmpretrain.registry import MODELS
from torch import nn

from siameseim.benchmark import timing
from siameseim.comparison.cost import gflops_per_image, interleaved_seconds
from siameseim.comparison.frozen_scores import linear_accuracy, plain_vit
from siameseim.evaluation.labelled import LabelledFeatures

ARCH = dict(embed_dims=16, num_layers=2, num_heads=2, feedforward_channels=32)


@pytest.mark.parametrize('kind', ['MAEViT', 'MoCoV3ViT', 'SiameseIMViT'])
def test_the_plain_copy_encodes_as_the_original(kind):
    original = MODELS.build(
        dict(type=kind, arch=ARCH, img_size=16, patch_size=8, out_type='raw')
    )
    original.init_weights()
    original.eval()
    images = torch.randn(3, 3, 16, 16)
    options = dict(mask=None) if kind == 'MAEViT' else {}
    with torch.no_grad():
        (wanted,) = original(images, **options)
        torch.testing.assert_close(plain_vit(original).encode(images), wanted)


def test_a_backbone_that_pools_is_copied_without_the_norm_of_that():
    original = MODELS.build(
        dict(
            type='VisionTransformer',
            arch=ARCH,
            img_size=16,
            patch_size=8,
            out_type='avg_featmap',
        )
    )
    original.eval()
    images = torch.randn(3, 3, 16, 16)
    (pooled,) = original(images)
    means = plain_vit(original).encode(images)[:, 1:].mean(dim=1)
    torch.testing.assert_close(original.ln2(means), pooled)


class OneLinear(BaseModel):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(30, 7)
        self.bn = nn.BatchNorm1d(7)
        self.calls = []

    def forward(self, inputs, data_samples=None, mode='loss'):
        return dict(loss=self.bn(self.linear(inputs)).square().mean())


def test_flops_of_a_linear_layer():
    """Forward 2 * 30 * 7, and the same for the gradient of the weight."""
    model = OneLinear()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    state = torch.get_rng_state()
    batch = dict(inputs=torch.randn(5, 30), data_samples=None)
    expected_state = torch.get_rng_state()
    measured = gflops_per_image(model, batch)
    assert measured * 1e9 == pytest.approx(4 * 30 * 7)
    assert torch.equal(torch.get_rng_state(), expected_state)
    assert not torch.equal(state, expected_state)
    for key, value in model.state_dict().items():
        assert torch.equal(value, before[key]), key


def test_steps_are_timed_in_turn_and_divided_by_their_images(monkeypatch):
    order = []

    class Recorder(nn.Linear):
        def __init__(self, name):
            super().__init__(1, 1)
            self.name = name

        def train_step(self, batch, optim_wrapper):
            order.append(self.name)

    sizes = dict(a=4, b=2)
    steps = {
        name: (Recorder(name), None, dict(inputs=torch.zeros(size, 3)))
        for name, size in sizes.items()
    }
    monkeypatch.setattr(timing, 'seconds', lambda run, device: run() or 6.0)
    seconds = interleaved_seconds(steps, rounds=2)
    assert order == ['a', 'b'] * 3
    assert seconds == dict(a=6 / 4, b=6 / 2)


def test_linear_probe_on_classes_of_known_overlap():
    """Two unit Gaussians 2 apart: the best rule is right in 84.1 %."""
    torch.manual_seed(0)

    def draw(count):
        labels = torch.arange(count) % 2
        features = torch.randn(count, 6)
        features[:, 0] += 2.0 * labels
        features[:, 3] = 100 + 50 * features[:, 3]  # scale must not matter
        return LabelledFeatures(features.half(), labels)

    assert linear_accuracy(draw(4000), draw(20000)) == pytest.approx(
        84.1, abs=1.0
    )


def test_linear_probe_equals_its_objective_minimised_by_torch():
    """On so few images that penalty and scale of the features tell."""
    torch.manual_seed(0)

    def draw(count):
        labels = (torch.rand(count) * 4).long().clamp(max=2)  # half are 2
        rows = torch.randn(count, 6) + nn.functional.one_hot(labels, 6)
        scales = torch.tensor([1.0, 20.0, 0.1, 5.0, 1.0, 0.02])
        return LabelledFeatures((rows * scales).half(), labels)

    known, asked = draw(60), draw(1000)
    rows, others = known.features.float(), asked.features.float()
    mean, scale = rows.mean(dim=0), rows.std(dim=0)
    weight, bias = torch.zeros(3, 6), torch.zeros(3)
    parameters = [weight.requires_grad_(), bias.requires_grad_()]
    solver = torch.optim.LBFGS(
        parameters, max_iter=200, line_search_fn='strong_wolfe'
    )

    def closure():
        solver.zero_grad()
        logits = (rows - mean) / scale @ weight.T + bias
        loss = nn.functional.cross_entropy(
            logits, known.labels, reduction='sum'
        )
        loss = loss + 10 * weight.square().sum() / 2
        loss.backward()
        return loss

    solver.step(closure)
    logits = (others - mean) / scale @ weight.T + bias
    right = (logits.argmax(dim=1) == asked.labels).float().mean().item()
    found = linear_accuracy(known, asked)
    assert found == pytest.approx(100 * right, abs=0.2)
