"""Rows from the command line to the table."""

import json
from pathlib import PureWindowsPath

import pytest
import torch

from siameseim.engine import patch_whitening_hook
from siameseim.engine.patch_whitening_hook import whiten_projection
from tests.transfer_fixtures import ROOT

METHODS = ('siameseim', 'mae', 'mocov3')
CHANGED = (
    'train_dataloader.batch_size=8, model.backbone.arch.num_layers=1, '
    'log_level=ERROR'
)


def test_three_rows_run_and_make_a_table(compare, small, tmp_path):
    out = tmp_path / 'results'
    for method in METHODS:
        compare.main(['run', f'imagenette/{method}', '--epochs', '2', *small])
    compare.main(
        ['time', *[f'imagenette/{m}' for m in METHODS], '--rounds', '1']
        + small
    )
    text = compare.main(['table', str(out)])
    for method in METHODS:
        result = json.loads(
            (out / f'imagenette_{method}_2e_seed0.json').read_text()
        )
        assert (result['steps'], result['images_seen']) == (6, 48)
        assert [point['epoch'] for point in result['curve']] == [0, 1, 2]
        assert {'knn', 'linear', 'rank'} <= result['curve'][-1].keys()
        assert f'| imagenette/{method}, with {CHANGED} | 2 | 0 |' in text
    assert (out / 'curves.png').read_bytes().startswith(b'\x89PNG')
    assert (out / 'table.md').read_text() == text
    assert ' 1.00 |' in text  # the fastest step


@pytest.mark.parametrize('method', METHODS)
def test_measuring_does_not_change_training(compare, small, tmp_path, method):
    weights = []
    for interval, name in ((1, 'often'), (9, 'seldom')):
        args = [a.replace('results', name) for a in small]
        compare.main(
            ['run', f'imagenette/{method}', '--epochs', '2']
            + ['--interval', str(interval), *args]
        )
        (file,) = (tmp_path / name).rglob('epoch_2.pth')
        weights.append(torch.load(file, weights_only=True)['state_dict'])
    for key, value in weights[0].items():
        assert torch.equal(value, weights[1][key]), key


@pytest.mark.parametrize(
    'row', ['imagenette/mea', 'imagenette/../cifar10/mae']
)
def test_a_row_that_is_not_there_is_named(compare, small, tmp_path, row):
    with pytest.raises(
        SystemExit, match='give a file or one of .*imagenette/mae'
    ):
        compare.main(['run', row, *small])
    assert not any((tmp_path / 'results').iterdir())


def test_a_row_may_be_a_config_anywhere(compare, small, tmp_path):
    path = tmp_path / 'half_rate.py'
    path.write_text(
        f'_base_ = ["{ROOT}/configs/comparison/imagenette/mae.py"]\n'
        'optim_wrapper = dict(optimizer=dict(lr=1e-4))\n'
    )
    result = compare.main(['run', str(path), '--epochs', '1', *small])
    file = tmp_path / 'results/half_rate_1e_seed0.json'
    assert json.loads(file.read_text())['row'] == result['row'] == 'half_rate'
    stock = compare.row_of('imagenette/mae')[1]
    assert compare.row_of(str(stock)) == ('imagenette/mae', stock)


def test_rows_have_slashes_on_windows(compare, monkeypatch):
    class Rows(PureWindowsPath):
        def glob(self, pattern):
            return [self / 'cifar10/mae.py']

    rows = Rows('C:/clone/configs/comparison')
    monkeypatch.setattr(compare, 'ROWS', rows)
    assert compare.row_of('cifar10/mae')[1] == rows / 'cifar10/mae.py'


def test_a_config_with_the_name_of_a_rows_results_is_refused(compare):
    with pytest.raises(ValueError, match='taken for the row imagenette/mae'):
        compare.row_of('elsewhere/imagenette_mae.py')


def test_a_table_of_nothing_says_what_to_run(compare, tmp_path):
    with pytest.raises(SystemExit, match='compare.py run'):
        compare.main(['table', str(tmp_path)])


def test_a_run_that_is_there_is_not_replaced(compare, small):
    run = ['run', 'imagenette/mae', '--epochs', '1', *small]
    compare.main(run)
    with pytest.raises(SystemExit, match='--label'):
        compare.main(run)
    with pytest.raises(SystemExit, match='finished'):
        compare.main([*run, '--resume'])
    labelled = compare.main([*run, '--label', 'other'])
    assert labelled['label'] == 'other'


def test_a_run_is_not_resumed_with_other_options(compare, small, tmp_path):
    run = ['run', 'imagenette/mae', '--epochs', '1', *small]
    compare.main(run)
    (tmp_path / 'results/imagenette_mae_1e_seed0.json').unlink()
    changed = [*run, 'optim_wrapper.optimizer.lr=2e-3', '--resume']
    with pytest.raises(
        SystemExit,
        match='options.optim_wrapper.optimizer.lr was None',
    ):
        compare.main(changed)
    with pytest.raises(SystemExit, match='begun otherwise: interval was 1'):
        compare.main([*run, '--interval', '2', '--resume'])
    assert compare.main([*run, '--resume'])['steps'] == 3


@pytest.mark.parametrize('label', ['a/b', '3e', 'two words'])
def test_a_label_that_is_no_file_name_is_refused(compare, small, label):
    with pytest.raises(SystemExit, match='--label'):
        compare.main(['run', 'imagenette/mae', '--label', label, *small])


def test_an_option_cut_short_is_refused(compare, small, capsys):
    with pytest.raises(SystemExit):
        compare.main(['run', 'imagenette/mae', '--epoch', '1', *small])
    assert 'unrecognized arguments: --epoch' in capsys.readouterr().err


def test_the_short_recipe_whitens_once(compare, small, tmp_path, monkeypatch):
    """Through the real Runner; a resumed run keeps its embedding."""
    whitened = []

    def counted(projection, patches, ridge):
        whitened.append(patches.shape)
        whiten_projection(projection, patches, ridge)

    monkeypatch.setattr(patch_whitening_hook, 'whiten_projection', counted)
    run = ['run', 'imagenette/small_data', '--epochs', '1', *small]
    compare.main(run)
    (file,) = (tmp_path / 'results').rglob('epoch_1.pth')
    weights = torch.load(file, weights_only=True)['state_dict']
    bias = 'backbone.patch_embed.projection.bias'
    assert weights[bias].any()  # zero in a random embedding
    assert torch.equal(weights[f'target.{bias}'], weights[bias])
    (tmp_path / 'results/imagenette_small_data_1e_seed0.json').unlink()
    compare.main([*run, '--resume'])
    # two views of 24 images, 64 patches of 3 x 8 x 8 each
    assert whitened == [(2 * 24 * 64, 192)]


def test_timing_rows_leaves_their_runs_alone(compare, small, tmp_path):
    compare.main(['time', 'imagenette/mae', '--rounds', '1', *small])
    compare.main(['run', 'imagenette/mae', '--epochs', '1', *small])
    assert (tmp_path / 'results/imagenette_mae_1e_seed0.json').is_file()
