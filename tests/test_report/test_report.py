"""The page: complete and self-contained."""

import re
import shutil
import subprocess
import sys
import tarfile
from types import SimpleNamespace

import pytest
import torch
from mmengine.dataset import default_collate
from mmengine.registry import FUNCTIONS, DefaultScope

from siameseim.errors import InputError
from siameseim.report import PicturesHook, build_report, load_run
from siameseim.report.page import Section, render
from siameseim.report.pictures import (
    feature_figures,
    load_images,
    pair_figures,
)
from siameseim.visualization.figures import draw_log
from tests.transfer_fixtures import ROOT

LAST = 6  # iteration of the pictures


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
    assert 'knows places, not that it knows the image' in page


def test_the_command_says_one_line(run, photos, tmp_path):
    """Though the folder, which is read twice, holds a file of no image."""
    images = shutil.copytree(photos, tmp_path / 'images')
    (images / 'list.txt').touch()
    command = [sys.executable, ROOT / 'tools/report.py', run]
    command += ['--images', images, '--out', tmp_path / 'r']
    said = subprocess.check_output(command, cwd=ROOT, text=True)
    assert re.fullmatch(r'.*/r: \d+\.\d MB\n', said)


def test_a_report_after_mmdet_was_used(run, photos):
    """A notebook's default scope may still be another toolbox's."""
    with DefaultScope.overwrite_default_scope('mmdet'):
        assert '<html' in build_report(load_run(run), photos)


def test_text_cannot_break_the_page():
    page = render('<b>', 'a & b', [Section('x < y', '<script>')])
    assert '<script>' not in page and 'a &amp; b' in page


def test_lines_beyond_the_checkpoint_are_left_out(run):
    asked = load_run(run / 'epoch_1.pth')
    steps = [line['step'] for line in asked.log]
    assert max(steps) == asked.done['iter'] == LAST // 2


def test_lines_of_a_later_run_are_left_out(run, tmp_path):
    place = shutil.copytree(run, tmp_path / 'w')
    logged = place / '29991231_235959/vis_data/scalars.json'
    logged.parent.mkdir(parents=True)
    logged.write_text('{"loss": 1, "step": 1}\n')
    assert load_run(place).log == load_run(run).log


def test_the_config_is_that_of_the_run(run, tmp_path):
    place = shutil.copytree(run, tmp_path / 'w')
    (place / 'zzz.py').write_text('model = dict(type="refused")\n')
    assert load_run(place).cfg.model == load_run(run).cfg.model
    for copy in place.glob('*/vis_data/config.py'):
        copy.unlink()
    assert load_run(place).cfg.model == load_run(run).cfg.model
    (place / 'report_run.py').rename(place / 'another.py')
    with pytest.raises(FileNotFoundError, match='another.py, zzz.py.*--conf'):
        load_run(place)


PICTURES = {
    f'pictures_{name}'
    for name in ('features', 'neighbours', 'tsne', 'views_1', 'views_2')
}


def test_pictures_reach_tensorboard_and_files(run):
    files = {path.stem for path in run.glob('**/vis_image/**/*.png')}
    assert files == {f'{name}_{LAST}' for name in PICTURES}
    from tensorboard.backend.event_processing import event_accumulator

    (events,) = run.glob('*/vis_data/events.out.tfevents*')
    reader = event_accumulator.EventAccumulator(str(events))
    reader.Reload()
    assert set(reader.Tags()['images']) == PICTURES


def drawn_texts(figure):
    """Without the numbers of axes that are switched off."""
    for axis in figure.axes:
        legend = axis.get_legend()
        scale = [axis.xaxis.label, *axis.get_xticklabels()]
        scale += [axis.yaxis.label, *axis.get_yticklabels()]
        texts = [axis.title, *axis.texts, *(scale if axis.axison else ())]
        texts += legend.get_texts() if legend else ()
        yield from (text for text in texts if text.get_text())


def test_text_in_pictures_is_9_pixels_high_on_a_phone(run, photos):
    """Figures are 343 CSS pixels wide there; a point is 1/72 inch."""
    loaded = load_run(run)
    images = load_images(loaded.model, photos, 100)
    drawn = feature_figures(loaded.model, images)
    figures = [
        drawn['features'],
        drawn['neighbours'],
        draw_log({'loss': ([1, 2], [3.0, 4.0])}, 'Loss'),
        *pair_figures(loaded.model, loaded.cfg, photos, 2)[0],
    ]
    assert len(figures) >= 4
    for figure in figures:
        figure.draw_without_rendering()
        shown = 343 / (figure.get_figwidth() * 72)  # pixels of a point
        texts = [*drawn_texts(figure)]
        assert texts
        for text in texts:
            assert text.get_fontsize() * shown >= 8.99, text.get_text()


@pytest.fixture
def archive(photos, tmp_path):
    """The photos in a tar archive."""
    path = tmp_path / 'photos.tar'
    with tarfile.open(path, 'w') as tar:
        tar.add(photos, arcname='photos')
    return path


def test_the_pictures_of_an_archive_are_those_of_its_folder(
    run, photos, archive
):
    loaded = load_run(run)
    one, other = (
        load_images(loaded.model, source, 5) for source in (photos, archive)
    )
    assert [path.name for path in one.paths] == [p.name for p in other.paths]
    assert torch.equal(one.pixels, other.pixels)
    (pairs, scores), (others, again) = (
        pair_figures(loaded.model, loaded.cfg, source, 2)
        for source in (photos, archive)
    )
    assert len(pairs) == len(others) == 2 and scores == again


def test_pairs_are_put_together_as_in_training(run, photos):
    """A collate function of one's own may be what lets a batch be made."""
    loaded, calls = load_run(run), []

    @FUNCTIONS.register_module(force=True)
    def counting_collate(samples, note):
        calls.append((len(samples), note))
        return default_collate(samples)

    own = dict(type='counting_collate', note='mine')
    loaded.cfg.train_dataloader.collate_fn = own
    pair_figures(loaded.model, loaded.cfg, photos, 2)
    assert calls == [(8, 'mine')]  # four times as many as are drawn
    own['type'] = counting_collate  # a config in Python may hold it itself
    pair_figures(loaded.model, loaded.cfg, photos, 2)
    assert len(calls) == 2


def test_of_more_views_the_first_two_are_shown(run, photos):
    loaded = load_run(run)
    pipeline = loaded.cfg.train_dataloader.dataset.pipeline
    pipeline[0].num_views = 3
    figures, _ = pair_figures(loaded.model, loaded.cfg, photos, 2)
    assert len(figures) == 2


def test_a_damaged_archive_does_not_let_a_run_begin(archive):
    archive.write_bytes(archive.read_bytes()[:5000])
    with pytest.raises(InputError, match='photos.tar cannot be read as a tar'):
        PicturesHook(images=str(archive)).before_train(None)


@pytest.mark.parametrize(
    ('place', 'said'),
    [('no', 'no such folder'), ('one/0.png', 'is a file'),
     ('empty', 'no image under'), ('one', 'at least four')],
)  # fmt: skip
def test_a_run_with_a_wrong_picture_folder_does_not_begin(
    photos, tmp_path, place, said
):
    for name in ('empty', 'one'):
        (tmp_path / name).mkdir()
    (tmp_path / 'one/0.png').write_bytes((photos / '0.png').read_bytes())
    hook = PicturesHook(images=str(tmp_path / place))
    with pytest.raises(InputError, match=said):
        hook.before_train(None)


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
    with pytest.raises(InputError, match='only 3 of 6 images'):
        load_images(model, tmp_path, 100)


def test_pictures_that_cannot_be_made_do_not_end_a_run(run, tmp_path):
    for i in range(4):
        (tmp_path / f'{i}.png').write_text('no image')
    said = []
    runner = SimpleNamespace(
        model=load_run(run).model,
        logger=SimpleNamespace(warning=said.append),
        epoch=0,
        max_epochs=1,
    )
    hook = PicturesHook(images=str(tmp_path))
    hook.before_train(runner)  # which lists them only
    hook.after_train_epoch(runner)
    assert said[0].startswith('no pictures this time: only 0 of 4 images')
