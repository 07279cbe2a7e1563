"""Mean and deviation of the images go with the weights."""

import json

import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image
from torchvision.transforms import v2

from siameseim.evaluation.features import central_view
from siameseim.weights import convert_checkpoint, get_model
from tests.vit_fixtures import saved, tiny_vit

MEAN, STD = [0, 10.5, 100.25], [255, 40.0, 1.5]
TOLD = 'mean [0.0, 10.5, 100.25] and std [255.0, 40.0, 1.5]'


@pytest.fixture
def own(tmp_path):
    """A checkpoint whose config has other statistics than ImageNet's."""
    model = dict(data_preprocessor=dict(mean=MEAN, std=STD))
    meta = dict(cfg=Config(dict(model=model)).pretty_text)
    contents = {'state_dict': tiny_vit().state_dict(), 'meta': meta}
    return saved(tmp_path / 'own.pth', contents)


@pytest.mark.parametrize(
    ('to', 'name'),
    [
        ('siameseim', 'a.pth'),
        ('safetensors', 'a.safetensors'),
        ('published', 'a.pth'),
        ('mmpretrain', 'a.pth'),
        ('timm', 'a'),
        ('timm', 'a.bin'),
        ('huggingface', 'a'),
        ('huggingface', 'a.pth'),
    ],
)
def test_every_format_carries_it(to, name, own, tmp_path):
    file = tmp_path / name
    assert TOLD in str(convert_checkpoint(own, file, to, num_heads=2))
    mean, std = get_model(file).normalisation
    np.testing.assert_allclose(mean, MEAN, rtol=0, atol=1e-6)
    np.testing.assert_allclose(std, STD, rtol=0, atol=1e-6)


def test_imagenet_s_is_not_worth_a_word(tmp_path):
    file = saved(tmp_path / 'a.pth', tiny_vit().state_dict())
    report = convert_checkpoint(file, tmp_path / 't', 'timm', num_heads=2)
    assert 'normalised' not in str(report)
    config = json.loads((tmp_path / 't/config.json').read_text())
    assert config['pretrained_cfg']['mean'] == [0.485, 0.456, 0.406]
    assert config['pretrained_cfg']['std'] == [0.229, 0.224, 0.225]


@pytest.mark.parametrize('size', [(64, 64), (32, 64)])
def test_huggingface_s_processor_gives_our_pixels(size, own, tmp_path):
    transformers = pytest.importorskip('transformers')
    folder = tmp_path / 'hf'
    convert_checkpoint(own, folder, 'huggingface', num_heads=2, img_size=size)
    processor = transformers.AutoImageProcessor.from_pretrained(folder)
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 256, (90, 131, 3), dtype=np.uint8)
    image = Image.fromarray(pixels)
    theirs = processor(image, return_tensors='pt')['pixel_values'][0]
    ours = v2.Compose([*central_view(size), v2.PILToTensor()])(image)
    mean, std = (torch.tensor(x)[:, None, None] for x in (MEAN, STD))
    torch.testing.assert_close(theirs * std + mean, ours.float())


def test_no_processor_for_channels_that_are_unknown(tmp_path):
    state = tiny_vit(in_channels=2).state_dict()
    file, folder = saved(tmp_path / 'a.pth', state), tmp_path / 'hf'
    convert_checkpoint(file, folder, 'huggingface', num_heads=2)
    assert not (folder / 'preprocessor_config.json').exists()
