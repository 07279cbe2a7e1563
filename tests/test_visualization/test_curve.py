"""The picture of a loss curve."""

from PIL import Image

from siameseim.visualization import draw_curves, read_curves


def test_writes_a_picture_with_a_line_for_each_curve(tmp_path):
    path = tmp_path / 'loss.png'
    draw_curves([0, 1, 2], {'loss': [2, 1, 0.5], 'pos': [1.5, 1, 0]}, path)
    with Image.open(path) as image:
        assert image.size == (800, 450)
        colours = {pixel for _, pixel in image.getcolors(1 << 20)}
    # The first two colours of matplotlib's cycle.
    assert {(31, 119, 180, 255), (255, 127, 14, 255)} <= colours


def test_reads_curves_and_passes_over_other_lines(tmp_path):
    path = tmp_path / 'scalars.json'
    path.write_text(
        '{"loss": 2.0, "lr": 0.1, "step": 10}\n'
        '{"accuracy": 0.5, "step": 10}\n'
        '{"loss": 1.5, "lr": 0.2, "step": 20}\n'
    )
    steps, curves = read_curves(path, ['loss'])
    assert steps == [10, 20]
    assert curves == {'loss': [2.0, 1.5]}
