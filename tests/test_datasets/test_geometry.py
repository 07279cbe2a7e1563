"""A point drawn on a real photograph is found where the boxes say."""

import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from siameseim.datasets import SourceImage, TwoViews

SIZE = 64  # pixels of a view's side
GRID = 8  # patches of a view's side
ROTATED = {274: 6}  # EXIF: stored lying on its side

# Stored size, format and EXIF of the file. The big JPEGs are decoded at a
# fraction of their size; odd sides do not divide by it.
FILES = {
    'png': ((512, 384), 'PNG', {}),
    'jpeg': ((500, 375), 'JPEG', {}),
    'big jpeg': ((2051, 1543), 'JPEG', {}),
    'big turned jpeg': ((2048, 1536), 'JPEG', ROTATED),
    'odd turned jpeg': ((1027, 771), 'JPEG', ROTATED),
}


def save(image: Image.Image, path: Path, kind: str, tags: dict) -> dict:
    exif = Image.Exif()
    exif.update(tags)
    image.save(path, kind, exif=exif, quality=95)
    return dict(img_path=str(path))


def centroid(difference: np.ndarray) -> tuple[float, float]:
    """Centre of what changed, in pixels from the top left corner."""
    weight = np.clip(difference.sum(-1) - 60, 0, None)
    y, x = np.mgrid[:SIZE, :SIZE] + 0.5
    return (
        (weight * y).sum() / weight.sum(),
        (weight * x).sum() / weight.sum(),
    )


def expected(
    point: tuple[float, float], box: np.ndarray, flip: bool, width: float
) -> tuple[float, float]:
    """Where a view shows a source point, in pixels of the view."""
    y, x = point
    if flip:
        x = width - x
    return (y - box[0]) / box[2] * SIZE, (x - box[1]) / box[3] * SIZE


def view_1_position(view_2: tuple[float, float], out: dict) -> list[float]:
    """The relative position of method section 3, for any point of view 2.

    ``r`` and ``c`` are the point's row and column in view-2 patches; the
    result is its row and column in view-1 patches.
    """
    (i1, j1, h1, w1), (i2, j2, h2, w2) = out['boxes']
    r, c = (side / SIZE * GRID - 0.5 for side in view_2)
    y = h2 / h1 * (r + 0.5) + GRID * (i2 - i1) / h1 - 0.5
    if out['flips'][0] == out['flips'][1]:
        x = w2 / w1 * (c + 0.5) + GRID * (j2 - j1) / w1 - 0.5
    else:
        beyond = (out['source_width'] - j1 - j2) / w1
        x = -w2 / w1 * (c + 0.5) + GRID * beyond - 0.5
    return [y, x]


@pytest.mark.parametrize('kind', FILES)
def test_a_drawn_point_is_found_in_both_views(kind, tmp_path, photo):
    size, file_format, tags = FILES[kind]
    plain = photo.resize(size, Image.Resampling.BICUBIC)
    marked = plain.copy()
    centre = (size[0] * 0.45, size[1] * 0.4)
    radius = size[0] / 40
    ImageDraw.Draw(marked).ellipse(
        [side + sign * radius for sign in (-1, 1) for side in centre],
        fill='magenta',
    )
    # Pillow's ellipse covers whole pixels at both ends.
    point = (centre[1] + 0.5, centre[0] + 0.5)
    if tags:  # shown turned by 90 degrees clockwise
        point = (point[1], size[1] - point[0])
    infos = [
        save(image, tmp_path / name, file_format, tags)
        for image, name in ((plain, 'plain'), (marked, 'marked'))
    ]
    relations = set()
    for seed in range(80):
        before, after = (
            TwoViews(size=SIZE)(
                dict(
                    source=SourceImage.from_data_info(info),
                    rng=np.random.default_rng(seed),
                )
            )
            for info in infos
        )
        found = []
        for i in range(2):
            where = expected(
                point,
                after['boxes'][i],
                after['flips'][i],
                after['source_width'],
            )
            margin = radius / min(after['boxes'][i][2:]) * SIZE + 2
            if not all(margin < side < SIZE - margin for side in where):
                break
            difference = np.abs(
                after['views'][i].astype(int) - before['views'][i]
            )
            found.append(centroid(difference))
            assert math.dist(found[i], where) < 0.3
        if len(found) == 2:
            relative = view_1_position(found[1], after)
            in_view_1 = [side / SIZE * GRID - 0.5 for side in found[0]]
            assert math.dist(relative, in_view_1) < 0.1  # patches
            relations.add(bool(after['flips'][0] != after['flips'][1]))
    assert relations == {True, False}


def test_big_jpegs_are_decoded_at_a_fraction_of_their_size(tmp_path, photo):
    image = photo.resize((2051, 1543))
    info = save(image, tmp_path / 'big', 'JPEG', {})
    source = SourceImage.from_data_info(info)
    asked = []
    decode = source.decode
    source.decode = lambda reduction: (
        asked.append(reduction) or decode(reduction)
    )
    TwoViews(size=64, area=(0.5, 1.0))(
        dict(source=source, rng=np.random.default_rng(0))
    )
    assert asked == [8]


def test_reduced_decoding_keeps_the_pixels(tmp_path, photo):
    """Each view is the region its box names, up to resampling error."""
    image = photo.resize((2048, 2048), Image.Resampling.BICUBIC)
    info = save(image, tmp_path / 'big', 'JPEG', {})
    whole = Image.open(info['img_path'])
    for seed in range(10):
        out = TwoViews(size=SIZE, flip_prob=0.0)(
            dict(
                source=SourceImage.from_data_info(info),
                rng=np.random.default_rng(seed),
            )
        )
        for view, (y, x, h, w) in zip(out['views'], out['boxes'], strict=True):
            crop = whole.crop((x, y, x + w, y + h))
            crop = crop.resize((SIZE, SIZE), Image.Resampling.BICUBIC)
            difference = np.abs(view.astype(int) - np.asarray(crop))
            assert difference.mean() < 1.5


def test_reduced_decoding_moves_the_edges_of_a_box_by_under_8_pixels():
    for seed in range(50):
        boxes = []
        for limit in (1, 8):
            source = SourceImage(Image.new('RGB', (2050, 2046)))
            source.max_reduction = limit
            # Stands in for a decoder, to see only what happens to boxes.
            source.decode = lambda step: np.zeros(
                (-(-2046 // step), -(-2050 // step), 3), np.uint8
            )
            out = TwoViews(size=SIZE)(
                dict(source=source, rng=np.random.default_rng(seed))
            )
            boxes.append(out['boxes'])
        drawn, moved = boxes
        drawn[:, 2:] += drawn[:, :2]  # (y, x, bottom, right)
        moved[:, 2:] += moved[:, :2]
        assert np.abs(moved - drawn).max() < 8
        assert moved.max() <= 2050
