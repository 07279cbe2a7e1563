"""By what images are normalised is read from what files say of it."""

import json

import pytest
from mmengine.config import Config
from mmengine.model import ImgDataPreprocessor
from torch import nn

from siameseim.layouts.load_backbone import load_pretrained
from siameseim.layouts.normalisation import (
    IMAGENET,
    Normalisation,
    attach,
    find_normalisation,
    normalisation_of,
    warn_of_another,
)
from siameseim.layouts.safe_load import load_file
from siameseim.models import SiameseIMViT
from tests.vit_fixtures import SIZES, saved, tiny_vit

OWN = Normalisation((0.0, 10.5, -1.0), (255.0, 40.0, 1.25))
LISTS = dict(mean=[0, 10.5, -1], std=[255, 40.0, 1.25])
TENTH = dict(image_mean=[0.1], image_std=[0.2])


def stored(**config):
    return {'meta': dict(cfg=Config(config).pretty_text)}


@pytest.mark.parametrize(
    ('extra', 'expected'),
    [
        ({}, IMAGENET),
        (stored(model=dict(data_preprocessor=LISTS)), OWN),
        (stored(model=dict(type='A'), data_preprocessor=LISTS), OWN),
        # what the runner builds the model with
        (
            stored(
                model=dict(data_preprocessor=LISTS),
                data_preprocessor=dict(mean=[1.0], std=[2.0]),
            ),
            OWN,
        ),
        (stored(model=dict(backbone=dict(type='A'))), IMAGENET),
        # the stock classes leave pixels alone unless told
        (
            stored(model=dict(data_preprocessor=dict(mean=None, std=None))),
            Normalisation((0.0,), (1.0,)),
        ),
        ({'meta': LISTS}, OWN),
        # what is no list of numbers tells nothing
        ({'meta': dict(mean=0.5, std=[1])}, IMAGENET),
        ({'config': dict(pretrained_cfg='vit')}, IMAGENET),
        ({'meta': dict(cfg='data_preprocessor = dict(mean=[a*2])')}, IMAGENET),
        (
            {'preprocessor': dict(TENTH, rescale_factor=None)},
            Normalisation((25.5,), (51.0,)),
        ),
        (
            {'preprocessor': dict(TENTH, do_rescale=False)},
            Normalisation((0.1,), (0.2,)),
        ),
        ({'meta': dict(cfg='no config: of ours')}, IMAGENET),
        (
            {
                'config': dict(
                    pretrained_cfg=dict(
                        mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225]
                    )
                )
            },
            IMAGENET,
        ),
        ({'preprocessor': TENTH}, Normalisation((25.5,), (51.0,))),
        (
            {'preprocessor': dict(TENTH, rescale_factor=0.1)},
            Normalisation((1.0,), (2.0,)),
        ),
        (
            {'preprocessor': dict(TENTH, do_normalize=False)},
            Normalisation((0.0,), (255.0,)),
        ),
    ],
)
def test_where_it_is_from(extra, expected):
    assert find_normalisation(extra) == expected


def test_a_folder_brings_its_preprocessor(tmp_path):
    safetensors = pytest.importorskip('safetensors.torch')
    state = tiny_vit().state_dict()
    safetensors.save_file(state, tmp_path / 'model.safetensors')
    (tmp_path / 'config.json').write_text('{}')
    file = tmp_path / 'preprocessor_config.json'
    file.write_text(json.dumps(TENTH))
    assert load_file(str(tmp_path))['preprocessor'] == TENTH


def test_it_is_told_and_kept_on_loading(tmp_path, log):
    extra = stored(model=dict(data_preprocessor=LISTS))
    contents = {'state_dict': tiny_vit().state_dict(), **extra}
    model = SiameseIMViT(**SIZES)
    load_pretrained(model, saved(tmp_path / 'a.pth', contents))
    assert normalisation_of(model) == OWN
    assert 'mean [0.0, 10.5, -1.0] and std [255.0, 40.0, 1.25]' in log[-1]


def test_one_value_holds_for_all_channels():
    one = Normalisation((127.5,), (51.0,))
    assert one.fractions(3) == ([0.5] * 3, [0.2] * 3)
    assert normalisation_of(nn.Identity()) == IMAGENET


@pytest.fixture
def warnings(monkeypatch):
    said = []
    monkeypatch.setattr('siameseim.layouts.normalisation.warn', said.append)
    return said


def model_of(trained, mean, std, **order):
    """A model with such images and a backbone that was trained on those."""
    model = nn.Module()
    model.backbone = nn.Identity()
    if trained:
        attach(model.backbone, Normalisation(*map(tuple, trained)))
    model.data_preprocessor = ImgDataPreprocessor(mean, std, **order)
    return model


@pytest.mark.parametrize(
    ('trained', 'used', 'told'),
    [
        (([10, 20, 30], [40, 50, 60]), IMAGENET, True),
        (([10, 20, 30], [40, 50, 60]), (None, None), True),
        (([10, 20, 30], [40, 50, 60]), ([10, 20, 30], [40, 50, 60]), False),
        (([10], [40]), ([10, 10, 10], [40, 40, 40]), False),
        (IMAGENET, ([127.5] * 3, [127.5] * 3), True),  # a stock Segmenter
        (None, ([10, 20, 30], [40, 50, 60]), False),  # not loaded
        (IMAGENET, IMAGENET, False),
    ],
)
def test_a_model_with_other_values_is_told_of(trained, used, told, warnings):
    warn_of_another(model_of(trained, *used, bgr_to_rgb=True))
    assert bool(warnings) == told
    if told:
        assert f'normalised by {Normalisation(*trained)} (' in warnings[0]


def test_a_model_that_keeps_bgr_is_told_of(warnings):
    warn_of_another(model_of(IMAGENET, *IMAGENET))
    assert 'gives BGR images' in warnings[0]
