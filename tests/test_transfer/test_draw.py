"""Classes drawn on images of any name, from channels in the right order."""

import pytest
from mmpretrain.visualization import UniversalVisualizer
from PIL import Image

from siameseim.errors import InputError
from siameseim.transfer import draw
from tests.test_evaluation.conftest import COLOURS
from tests.test_evaluation.test_load_classifier import (
    logits_of,
    trained_cifar,
)
from tests.vit_fixtures import assert_near

NAMES = ['a.jpg', 'a.png', 'photo.1.jpg', 'photo.2.jpg']


@pytest.fixture
def classifier(tmp_path):
    """Config of CIFAR-10, whose data are RGB, a checkpoint and its model."""
    return trained_cifar(tmp_path)


@pytest.fixture
def images(tmp_path):
    """A folder of orange images."""
    folder = tmp_path / 'images'
    folder.mkdir()
    for name in NAMES:
        Image.new('RGB', (20, 16), (210, 90, 20)).save(folder / name)
    return draw.find_images(str(folder))


def test_hidden_files_are_no_images(images):
    folder = images[0].parent
    (folder / '._a.jpg').write_bytes(b'of macOS, beside each copied file')
    assert draw.find_images(str(folder)) == images


def test_a_config_of_decoded_rgb_images_gets_files_as_rgb(
    classifier, images, tmp_path, monkeypatch
):
    cfg, checkpoint, model = classifier
    drawn = []
    monkeypatch.setattr(
        UniversalVisualizer,
        'visualize_cls',
        lambda self, data_sample, **kwargs: drawn.append(data_sample),
    )
    png = images[NAMES.index('a.png')]
    said = draw.draw_predictions(cfg, checkpoint, [png], tmp_path / 'out')
    expected = logits_of(model, png).softmax(-1)
    assert_near(drawn[0].pred_score.cpu(), expected)
    score, label = expected.max(dim=0)
    (text,) = said.values()
    assert text == f'{[*COLOURS][label]} ({score:.1%})'


def test_a_damaged_image_costs_no_other(classifier, images, tmp_path):
    cfg, checkpoint, _ = classifier
    images[1].write_bytes(b'no image')
    files = draw.draw_predictions(cfg, checkpoint, images, tmp_path / 'out')
    kept = [name for name in NAMES if name != images[1].name]
    assert [file.name for file in files] == [f'{name}.png' for name in kept]
    with pytest.raises(InputError, match='none of 1 images'):
        draw.draw_predictions(cfg, checkpoint, images[1:2], tmp_path / 'out')


def test_each_image_has_its_picture_and_stays(classifier, images):
    cfg, checkpoint, _ = classifier
    before = [image.read_bytes() for image in images]
    folder = images[0].parent
    files = draw.draw_predictions(cfg, checkpoint, images, folder)
    assert [file.name for file in files] == [f'{name}.png' for name in NAMES]
    for image, file, content in zip(images, files, before, strict=True):
        assert image.read_bytes() == content
        with Image.open(file) as drawn:
            assert drawn.size == (20, 16)
