"""The table of robustness: what is measured, what is not, and what fails."""

import json
import re
import sys
from unittest.mock import Mock

import pytest

from siameseim.evaluation import report, robustness_table
from siameseim.evaluation.corruptions import ALEXNET_ERRORS
from siameseim.evaluation.robustness_table import (
    failures,
    robustness_rows,
)
from tests.test_evaluation.colour_classifier import classifier
from tests.test_evaluation.conftest import COLOURS, write_classes
from tests.transfer_fixtures import ROOT, tool

PROBE = 'configs/classification/siameseim_vitb_linear_8xb2048-90e_in1k.py'


def test_the_table_is_written_as_utf8(tmp_path, no_utf8_locale):
    report.write([report.Row('k-NN', None, 'none')], 'a', tmp_path / 't')
    assert '| k-NN | – |' in (tmp_path / 't.md').read_text('utf-8')


def test_the_table_measures_what_is_there_and_says_what_is_not(
    colours, tmp_path
):
    data = dict(imagenet_r=str(colours / 'val'), sketch='/no/sketch')
    rows = robustness_rows(classifier(*COLOURS), data, 'fine-tuned')
    text = report.write(rows, 'a.pth', tmp_path / 'robustness')
    assert '| fine-tuned: ImageNet-A | – | data not given | 43.8 |' in text
    assert '| fine-tuned: ImageNet-R | 100.00 |' in text
    assert failures(rows) == (
        'fine-tuned: ImageNet-Sketch failed: /no/sketch is no folder'
    )
    stored = json.loads((tmp_path / 'robustness.json').read_text())
    assert stored['rows'][1]['value'] == 100
    assert stored['rows'][1]['published']['SiameseIM'] == 52.5
    assert stored['rows'][0]['value'] is None


def test_corruptions_made_on_the_fly_are_measured(tmp_path):
    pytest.importorskip('imagecorruptions')
    write_classes(tmp_path, 1, 0)
    data = dict(corrupt=str(tmp_path))
    rows = {
        row.measure: row.value
        for row in robustness_rows(classifier(*COLOURS), data, 'linear')
    }
    assert rows['linear: clean'] == 100
    made = [v for name, v in rows.items() if 'linear: made ' in name]
    assert len(made) == 16  # 1 - mCE and the 15 corruptions
    assert rows['linear: made pixelate, accuracy'] == 100  # colours stay
    assert rows['linear: made corruptions, 1 - mCE'] <= 100


@pytest.mark.parametrize(
    ('made_by', 'data', 'measure'),
    [
        ('made_corruptions', 'corrupt', 'made corruptions, 1 - mCE'),
        ('stored_corruptions', 'imagenet_c', 'ImageNet-C, 1 - mCE'),
    ],
)
def test_a_quarter_of_alexnets_errors_is_75(
    colours, monkeypatch, made_by, data, measure
):
    errors = {name: [e / 4] * 5 for name, e in ALEXNET_ERRORS.items()}
    monkeypatch.setattr(robustness_table, made_by, lambda *_: errors)
    folders = {data: str(colours / 'val')}
    rows = robustness_rows(classifier(*COLOURS), folders, 'linear')
    values = {row.measure: row.value for row in rows}
    assert values[f'linear: {measure}'] == pytest.approx(75)


def test_a_made_corruption_is_the_mean_of_its_severities(colours, monkeypatch):
    errors = {name: [0.1, 0.2, 0.3, 0.4, 1.0] for name in ALEXNET_ERRORS}
    monkeypatch.setattr(
        robustness_table, 'made_corruptions', lambda *_: errors
    )
    folders = dict(corrupt=str(colours / 'val'))
    rows = robustness_rows(classifier(*COLOURS), folders, 'linear')
    values = {row.measure: row.value for row in rows}
    assert values['linear: made fog, accuracy'] == pytest.approx(60)


@pytest.mark.parametrize(
    ('measure', 'moco', 'mae', 'ours'),
    [
        ('linear probe', 76.7, 68.0, 78.0),
        ('few-shot 1 %', 63.4, 51.1, 65.1),
        ('fine-tuned: ImageNet-A', 32.4, 35.9, 43.8),
        ('fine-tuned: ImageNet-R', 49.8, 48.3, 52.5),
        ('fine-tuned: ImageNet-Sketch', 35.9, 34.5, 38.3),
        ('fine-tuned: ImageNet-C, 1 - mCE', 55.4, 48.3, 57.1),
    ],
)
def test_published_figures_stand_under_their_method(
    tmp_path, measure, moco, mae, ours
):
    rows = [report.Row(measure, 1.0, 'here')]
    text = report.write(rows, 'a.pth', tmp_path / 'table').splitlines()
    for line in (text[4], text[6]):
        assert line.count('|') == 7
    heads, cells = ([c.strip() for c in text[i].split('|')] for i in (4, 6))
    shown = dict(zip(heads, cells, strict=True))
    (stored,) = json.loads((tmp_path / 'table.json').read_text())['rows']
    for name, figure in (('MoCo v3', moco), ('MAE', mae), ('SiameseIM', ours)):
        assert shown[f'{name} (published)'] == str(figure)
        assert stored['published'][name] == figure


def test_what_cannot_be_measured_is_a_row(colours, tmp_path, monkeypatch):
    """Unknown folders, incomplete ImageNet-C, a package that is missing."""
    monkeypatch.setitem(sys.modules, 'imagecorruptions', None)
    (tmp_path / 'unknown').mkdir()
    (tmp_path / 'unknown/pink.png').write_bytes(
        next((colours / 'val').rglob('*.png')).read_bytes()
    )
    val = str(colours / 'val')
    missing = dict.fromkeys(('imagenet_a', 'imagenet_c'), str(tmp_path))
    data = dict(imagenet_r=val, sketch=None, corrupt=val, **missing)
    rows = {
        row.measure: row
        for row in robustness_rows(classifier(*COLOURS), data, 'linear')
    }
    for measure, said in (
        ('ImageNet-A', 'failed: 1 of the 1 class folders are none of'),
        ('ImageNet-C, 1 - mCE', 'failed: .*gaussian_noise/1 does not exist'),
        ('made corruptions, 1 - mCE', 'failed: .*pip install imagecorrupt'),
    ):
        row = rows[f'linear: {measure}']
        assert row.value is None
        assert re.match(said, row.note)
    assert rows['linear: ImageNet-R'].value == 100
    assert rows['linear: clean'].value == 100
    assert len(failures([*rows.values()]).splitlines()) == 3


def test_images_without_folders_of_classes_are_a_row(colours):
    flat = str(colours / 'val/red')
    rows = robustness_rows(classifier(*COLOURS), dict(sketch=flat), 'linear')
    said = f'linear: ImageNet-Sketch failed: {flat} has no class folders'
    assert failures(rows).startswith(said)


def test_class_folders_without_an_image_are_a_row(tmp_path):
    (tmp_path / 'red').mkdir()
    data = dict(sketch=str(tmp_path))
    rows = robustness_rows(classifier(*COLOURS), data, 'linear')
    said = f'failed: {tmp_path} has no image in its class folders'
    assert said in failures(rows)


def test_the_tool_names_a_missing_package(monkeypatch):
    module = tool('robustness')
    load_classifier = Mock(side_effect=ImportError('pip install timm'))
    monkeypatch.setattr(module, 'load_classifier', load_classifier)
    with pytest.raises(SystemExit, match='error: pip install timm'):
        module.main([str(ROOT / PROBE), 'a.pth'])


def test_the_tool_names_a_config_that_is_not_there():
    with pytest.raises(SystemExit, match='error: config no.py does not exist'):
        tool('robustness').main(['no.py', 'a.pth'])


def test_the_tool_writes_its_table_before_it_fails(
    colours, tmp_path, monkeypatch
):
    module = tool('robustness')
    monkeypatch.setattr(
        module, 'load_classifier', lambda *_, **__: classifier(*COLOURS)
    )
    asked = ['--imagenet-r', str(colours / 'val'), '--imagenet-c']
    asked += [str(tmp_path), '--out', str(tmp_path / 'table')]
    with pytest.raises(SystemExit, match='1 - mCE failed: .* does not exist'):
        module.main([str(ROOT / PROBE), 'a.pth', *asked])
    text = (tmp_path / 'table.md').read_text()
    assert '| fine-tuned: ImageNet-R | 100.00 |' in text
