"""Logs and checkpoints that a report is made of."""

import shutil
from pathlib import Path

import pytest
import torch

from siameseim.errors import InputError
from siameseim.report import load_run
from siameseim.report.load import curves_of, read_log

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'


def test_a_resumed_run_has_one_curve(tmp_path):
    first, second = tmp_path / 'a.json', tmp_path / 'b.json'
    first.write_text('{"loss": 3, "step": 1}\n{"loss": 2, "step": 2}\n')
    second.write_text('{"loss": 1, "step": 2}\n{"knn": 50, "step": 2}\n')
    log = read_log([first, second])
    curves = curves_of(log, ('loss', 'knn', 'absent'))
    assert curves == {'loss': ([1, 2], [3, 1]), 'knn': ([2], [50])}


def test_a_run_begun_anew_has_no_lines_of_the_old_one(tmp_path):
    old, new = tmp_path / 'a.json', tmp_path / 'b.json'
    old.write_text(''.join(f'{{"loss": 9, "step": {i}}}\n' for i in range(9)))
    new.write_text('{"loss": 1, "step": 2}\n{"loss": 1, "step": 5}\n')
    log = [(line['step'], line['loss']) for line in read_log([old, new])]
    assert log == [(0, 9), (1, 9), (2, 1), (5, 1)]
    new.write_text('{"loss": 1, "step": 1}\n')  # the first step: no resume
    assert [line['loss'] for line in read_log([old, new])] == [1]


def test_a_line_that_was_cut_off_is_left_out_and_others_named(tmp_path):
    log = tmp_path / 'a.json'
    log.write_text('{"loss": 9, "step": 1}\n{"loss": 8, "st')
    assert [line['loss'] for line in read_log([log])] == [9]
    log.write_text('{"loss": 9, "st\n{"loss": 8, "step": 2}\n')
    with pytest.raises(InputError, match=f'line 1 of {log} is no JSON'):
        read_log([log])


def test_chance_is_of_the_batch_that_was_trained_with(run, tmp_path):
    file = tmp_path / 'given.py'
    (own,) = run.glob('*/vis_data/config.py')
    file.write_text(
        f'{own.read_text()}\ntrain_dataloader["batch_size"] = 64\n'
    )
    assert load_run(str(run), file).images == 4


def test_a_run_of_another_method_is_refused(tmp_path):
    file = tmp_path / 'epoch_1.pth'
    meta = dict(experiment_name='mae', epoch=1, iter=3)
    torch.save(dict(state_dict={}, meta=meta), file)
    with pytest.raises(InputError, match='trains a MAE: a report is of Siam'):
        load_run(file, CONFIGS / 'comparison/imagenette/mae.py')


def test_a_checkpoint_that_was_saved_elsewhere_is_found(run, tmp_path):
    place = shutil.copytree(run, tmp_path / 'w')
    (tmp_path / 'out/w').mkdir(parents=True)
    for file in place.glob('*.pth'):
        file.rename(tmp_path / 'out/w' / file.name)
    (place / 'last_checkpoint').rename(tmp_path / 'out/w/last_checkpoint')
    (config,) = place.glob('*/vis_data/config.py')
    with config.open('a') as text:
        out_dir = str(tmp_path / 'out')
        text.write(f'\ndefault_hooks["checkpoint"]["out_dir"] = {out_dir!r}\n')
    loaded = load_run(place)
    assert loaded.checkpoint == tmp_path / 'out/w/epoch_2.pth'
    assert loaded.log == load_run(run).log != []
