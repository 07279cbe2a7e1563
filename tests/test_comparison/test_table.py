"""Means, spreads and costs against numbers worked out by hand."""

import json

import pytest
from PIL import Image

from siameseim.comparison.pictures import draw_comparison
from siameseim.comparison.table import markdown, read_results, summarise


def result(row, seed, knn, linear=60.0, gflops=2.0, images=1000):
    last = dict(epoch=2, seconds=90.0, knn=knn, linear=linear, rank=10.0)
    first = dict(epoch=0, seconds=0.0, knn=30.0, linear=40.0, rank=5.0)
    curve = [first, last]
    return dict(
        row=row, seed=seed, epochs=2, curve=curve,
        gflops_per_image=gflops, images_seen=images,
    )  # fmt: skip


def test_mean_and_spread_over_seeds():
    """40, 42, 47: mean 43, deviations -3, -1, 4: sqrt(26 / 2)."""
    results = [result('a', s, k) for s, k in enumerate((40.0, 42.0, 47.0))]
    (summary,) = summarise(results)
    assert summary.seeds == [0, 1, 2]
    assert summary.means['knn'] == pytest.approx(43.0)
    assert summary.spreads['knn'] == pytest.approx(13**0.5)
    assert summary.spreads['linear'] == 0


def test_the_untrained_network_stands_beside_the_trained_one():
    """Without it 31 % k-NN looks like something learned."""
    other = result('a', 1, 33.0)
    other['curve'][0]['knn'] = 31.0
    (summary,) = summarise([result('a', 0, 31.0), other])
    head, _, row = (
        line.split('|') for line in markdown([summary]).splitlines()
    )
    assert row[head.index(' Untrained k-NN ')] == ' 30.5 '
    assert row[head.index(' Untrained linear ')] == ' 40.0 '


def test_what_was_not_measured_untrained_is_not_shown_as_such():
    """Results of earlier versions begin after some epochs."""
    late = result('a', 0, 44.0)
    del late['curve'][0]
    (summary,) = summarise([late])
    assert '| 44.0 | 60.0 | 10.0 | - | - |' in markdown([summary])


def test_one_seed_has_no_spread():
    (summary,) = summarise([result('a', 0, 40.0)])
    assert summary.spreads == {}
    assert '| 40.0 | 60.0 | 10.0 |' in markdown([summary])


def test_minutes_of_training_are_averaged():
    slow = result('a', 1, 40.0)
    slow['curve'][-1]['seconds'] = 150.0
    (summary,) = summarise([result('a', 0, 40.0), slow])
    assert summary.minutes == pytest.approx(2.0)
    assert markdown([summary]).splitlines()[-1].split('|')[-3:] == [
        ' 2.0 ', ' - ', '',
    ]  # fmt: skip


def test_cost_of_a_run():
    """0.63 GFLOP for each of 227,000 images are 143,010 GFLOP."""
    (summary,) = summarise([result('a', 0, 1.0, gflops=0.63, images=227000)])
    assert summary.tflops == pytest.approx(143.01)


def test_step_times_are_relative_to_the_fastest():
    table = markdown(
        summarise([result('a', 0, 40.0), result('b', 0, 41.0)]),
        {'a': 3.0, 'b': 1.2},
    )
    rows = table.splitlines()[2:]
    assert [row.split('|')[1].strip() for row in rows] == ['b', 'a']  # k-NN
    assert [row.split('|')[-2].strip() for row in rows] == ['1.00', '2.50']


def test_lengths_of_a_row_are_kept_apart():
    other = {**result('a', 0, 50.0), 'epochs': 4}
    assert len(summarise([result('a', 0, 40.0), other])) == 2


def test_a_seed_that_is_there_twice_is_an_error():
    with pytest.raises(ValueError, match=r'a, 2 epochs: seeds \[0, 0\]'):
        summarise([result('a', 0, 40.0), result('a', 0, 41.0)])


def test_other_json_files_are_no_results(tmp_path):
    (tmp_path / 'x.json').write_text(json.dumps(result('a', 0, 40.0)))
    (tmp_path / 'step_times.json').write_text('{"a": 1.0}')
    assert [r['row'] for r in read_results(tmp_path)] == ['a']


def test_labels_are_rows_of_their_own():
    other = {**result('a', 0, 50.0), 'label': 'lr', 'options': {'lr': '1'}}
    summaries = summarise([result('a', 0, 40.0), other])
    assert [s.row for s in summaries] == ['a', 'a (lr)']


@pytest.mark.parametrize(
    'change', [dict(options={'lr': '1'}), dict(batch_size=3), dict(threads=7)]
)
def test_seeds_that_were_run_otherwise_are_not_averaged(change):
    (name,) = change
    other = {**result('a', 1, 50.0), **change}
    with pytest.raises(ValueError, match=f'{name} differs.*--label'):
        summarise([result('a', 0, 40.0), other])


def test_curves_of_other_epochs_are_not_averaged():
    other = result('a', 1, 50.0)
    del other['curve'][0]
    with pytest.raises(ValueError, match='measured differs'):
        summarise([result('a', 0, 40.0), other])


def test_curves_of_many_rows_leave_room_for_their_names(tmp_path):
    """A figure of 5 inches, at 100 dots, has 22 lines of 0.22."""
    for rows, height in ((2, 500), (40, 880)):
        results = [result(f'row {i}', 0, 40.0 + i) for i in range(rows)]
        draw_comparison(results).savefig(tmp_path / 'curves.png')
        assert Image.open(tmp_path / 'curves.png').height == height


def test_each_data_set_has_a_row_of_panels_of_its_own():
    """k-NN on ten classes of one says nothing beside that of another."""
    names = ('one/a', 'two/a', 'one/b')
    figure = draw_comparison([result(name, 0, 40.0) for name in names])
    first, second = figure.subfigs
    for part, rows in ((first, ['one/a', 'one/b']), (second, ['two/a'])):
        assert len(part.axes) == 3
        assert part.axes[0].get_ylabel() == f'k-NN on {rows[0][:3]}, %'
        drawn = [f'{row}, 2 epochs' for row in rows]
        for panel in part.axes:
            assert [line.get_label() for line in panel.lines] == drawn
        (legend,) = part.legends
        assert [text.get_text() for text in legend.get_texts()] == drawn


def test_a_row_of_ones_own_stands_beside_those_of_its_data():
    named = dict(result('one/a', 0, 40.0), data='d1')
    others = [dict(result(n, 0, 40.0), data='d2') for n in ('two/a', 'mine')]
    _, second = draw_comparison([named, *others]).subfigs
    labels = [line.get_label() for line in second.axes[0].lines]
    assert labels == ['two/a, 2 epochs', 'mine, 2 epochs']


def test_panels_of_data_sets_do_not_overlap():
    figure = draw_comparison([result(n, 0, 40.0) for n in ('one/a', 'two/a')])
    assert figure.get_figheight() == 10
    figure.draw_without_rendering()
    upper, lower = (part.axes[0].bbox for part in figure.subfigs)
    assert upper.y0 > lower.y1
