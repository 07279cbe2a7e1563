"""Files of tensors alone, as timm and Hugging Face have, lose nothing."""

import pytest
import torch

from siameseim.weights import convert_checkpoint, get_model, model
from siameseim.weights.targets.timm import timm as timm_target
from tests.vit_fixtures import assert_near, saved, tiny_vit

# heads that would be assumed otherwise are 64 wide
ARCH = dict(embed_dims=128, num_layers=2, num_heads=4, feedforward_channels=32)


@pytest.fixture
def source(tmp_path):
    return saved(tmp_path / 'source.pth', tiny_vit(arch=ARCH).state_dict())


@torch.no_grad()
@pytest.mark.parametrize('to', ['timm', 'huggingface'])
@pytest.mark.parametrize('name', ['a.pth', 'a.bin', 'a.safetensors', 'a'])
def test_it_reads_back_as_itself(to, name, source, tmp_path):
    convert_checkpoint(source, tmp_path / name, to, num_heads=4)
    report = convert_checkpoint(
        tmp_path / name, tmp_path / 'b.pth', 'siameseim'
    )
    assert '4 heads: from the' in report.notes[0]
    images = torch.randn(2, 3, 16, 16)
    assert_near(
        get_model(tmp_path / name)(images)[-1],
        get_model(source, num_heads=4)(images)[-1],
        atol=0,
    )


@torch.no_grad()
def test_the_printed_line_loads_it_into_transformers(source, tmp_path):
    transformers = pytest.importorskip('transformers')
    file = tmp_path / 'hf.pth'
    report = convert_checkpoint(source, file, 'huggingface', num_heads=4)
    line = report.usage.partition('; file: ')[2].split(', for ')[0]
    names = dict(torch=torch, transformers=transformers, FILE=file)
    exec(line.replace(', then ', '\n'), names)
    images = torch.randn(2, 3, 16, 16)
    states = names['model'].eval()(images, output_hidden_states=True)
    means = states.hidden_states[-1][:, 1:].mean(1)
    expected = get_model(source, num_heads=4)(images)[-1]
    assert_near(means, expected)


def test_tensors_alone_are_all_that_others_see(source, tmp_path):
    """As strict loading wants it."""
    file = tmp_path / 'timm.pth'
    convert_checkpoint(source, file, 'timm', num_heads=4)
    vit = model.read_vit(source, num_heads=4).vit
    assert torch.load(file).keys() == timm_target(vit).state.keys()


def test_assumed_heads_are_a_warning(source, monkeypatch):
    said = []
    for name in ('tell', 'warn'):
        monkeypatch.setattr(model, name, lambda _, n=name: said.append(n))
    get_model(source)
    get_model(source, num_heads=4)
    assert said == ['warn', 'tell']
