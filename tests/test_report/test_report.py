"""The page: complete, self-contained, and errors that say what to do."""

import re

import pytest
import torch

from siameseim.report import Section, load_run, render
from siameseim.report.build import curves_of
from siameseim.report.load import read_log
from siameseim.report.pictures import load_images
from tests.test_report.conftest import tool


def test_page_refers_to_nothing_outside(report):
    page = report.read_text()
    for link in re.findall(r'(?:src|href)="([^"]{1,30})', page):
        assert link.startswith(('data:image/png;base64,', '#')), link
    assert '@import' not in page and 'url(' not in page


def test_page_has_all_sections_and_captions(report):
    page = report.read_text()
    for title in ('Course', 'collapse', 'Correspondence', 'Features'):
        assert title in page
    assert page.count('<img') >= 6
    for alt in ('Loss curve', 'nearest neighbours', 't-SNE'):
        assert alt in page


def test_text_cannot_break_the_page():
    page = render('<b>', 'a & b', [Section('x < y', '<script>')])
    assert '<script>' not in page and 'a &amp; b' in page


def test_a_resumed_run_has_one_curve(tmp_path):
    for name, text in (
        ('a', '{"loss": 3, "step": 1}\n{"loss": 2, "step": 2}\n'),
        ('b', '{"loss": 1, "step": 2}\n{"knn": 50, "step": 2}\n'),
    ):
        path = tmp_path / name / 'vis_data'
        path.mkdir(parents=True)
        (path / 'scalars.json').write_text(text)
    curves = curves_of(read_log(tmp_path), ('loss', 'knn', 'absent'))
    assert curves == {'loss': ([1, 2], [3, 1]), 'knn': ([2], [50])}


def test_pictures_reach_tensorboard_and_files(run):
    names = {path.name for path in run.glob('**/vis_image/**/*.png')}
    assert any(name.startswith('pictures_features') for name in names), names
    assert any(name.startswith('pictures_neighbours') for name in names), names
    from tensorboard.backend.event_processing import event_accumulator

    (events,) = run.glob('*/vis_data/events.out.tfevents*')
    reader = event_accumulator.EventAccumulator(str(events))
    reader.Reload()
    assert 'pictures_features' in reader.Tags()['images']


def test_a_folder_without_checkpoint_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match='holds no checkpoint'):
        load_run(tmp_path)


def test_a_checkpoint_without_config_is_refused(run, tmp_path):
    path = tmp_path / 'alone.pth'
    path.write_bytes((run / 'epoch_2.pth').read_bytes())
    with pytest.raises(FileNotFoundError, match='--config'):
        load_run(path)


def test_a_backbone_file_is_refused(run, tmp_path):
    path = tmp_path / 'backbone.pth'
    torch.save({'cls_token': torch.zeros(1)}, path)
    with pytest.raises(ValueError, match='whole model'):
        load_run(path, next(run.glob('*.py')))


def test_too_few_images_are_refused(run, photos, tmp_path):
    (tmp_path / '0.png').write_bytes((photos / '0.png').read_bytes())
    with pytest.raises(SystemExit, match='at least four'):
        tool('report').main([str(run), '--images', str(tmp_path)])


def test_a_damaged_image_is_left_out_of_the_pictures(run, photos, tmp_path):
    (tmp_path / '0.png').write_text('no image')
    for i in range(1, 6):
        (tmp_path / f'{i}.png').write_bytes((photos / f'{i}.png').read_bytes())
    model = load_run(run).model
    images = load_images(model, tmp_path, 100)
    assert [path.name for path in images.paths] == [
        f'{i}.png' for i in range(1, 6)
    ]
    assert len(images.pixels) == len(images.tokens) == 5
    (tmp_path / '1.png').write_text('nor this')
    (tmp_path / '2.png').write_text('nor this')
    with pytest.raises(ValueError, match='only 3 of 6 images'):
        load_images(model, tmp_path, 100)
