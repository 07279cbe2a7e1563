"""Class mapping, corruption errors and the table, by hand-worked cases."""

from pathlib import Path

import numpy as np
import pytest

from siameseim.evaluation import imagenet_classes as classes
from siameseim.evaluation import robustness as robust
from siameseim.evaluation.corruptions import (
    ALEXNET_ERRORS,
    Corrupt,
    mean_corruption_error,
)
from tests.test_evaluation.colour_classifier import PIPELINE, classifier
from tests.test_evaluation.conftest import COLOURS, write_classes


def test_columns_of_a_part_of_the_classes():
    known = ['n01', 'n03', 'n05', 'n07', 'n09']
    assert classes.columns_of(['n03', 'n09'], known).tolist() == [1, 4]


def test_a_folder_that_is_no_class_is_named():
    with pytest.raises(ValueError, match='1 of the 2 .* for example cats'):
        classes.columns_of(['n01', 'cats'], ['n01', 'n02'])


def test_wnids_of_imagenet_and_its_200_class_variants():
    """Against timm's own indices of ImageNet-A and -R."""
    timm = pytest.importorskip('timm.data')
    wnids = classes.imagenet_wnids()
    assert len(wnids) == 1000
    assert wnids == sorted(wnids)
    # tench, ostrich and toilet tissue: first, tenth and last label
    assert [wnids[i] for i in (0, 9, 999)] == [
        'n01440764', 'n01518878', 'n15075141',
    ]  # fmt: skip
    for variant in ('a', 'r'):
        file = Path(timm.__path__[0], f'_info/imagenet_{variant}')
        folders = Path(f'{file}_synsets.txt').read_text().split()
        expected = Path(f'{file}_indices.txt').read_text().split()
        columns = classes.columns_of(sorted(folders), wnids)
        assert len(columns) == 200
        assert columns.tolist() == sorted(map(int, expected))


def test_a_thousand_classes_in_words_are_those_of_imagenet():
    pytest.importorskip('timm.data')
    wnids = classes.imagenet_wnids()
    words = [f'class {i}' for i in range(1000)]
    assert classes.classes_of(words, 1000) == wnids
    assert classes.classes_of(wnids[::-1], 1000) == wnids[::-1]  # a file's own


def test_the_given_names_must_fit_the_outputs(tmp_path):
    path = tmp_path / 'names.txt'
    path.write_text('n01\nn02\n')
    assert classes.classes_of([], 2, str(path)) == ['n01', 'n02']
    assert classes.classes_of(['a', 'b'], 2) == ['a', 'b']
    with pytest.raises(ValueError, match='3 outputs, but 2 class'):
        classes.classes_of([], 3, str(path))


def test_a_list_of_classes_has_one_name_a_line(tmp_path):
    path = tmp_path / 'names.txt'
    path.write_text('apple \nfried egg\r\n\npear')
    assert classes.read_classes(str(path)) == ['apple', 'fried egg', 'pear']


def test_a_list_of_classes_is_read_as_utf8(tmp_path, no_utf8_locale):
    (tmp_path / 'names.txt').write_text('Löwe', 'utf-8')
    assert classes.read_classes(str(tmp_path / 'names.txt')) == ['Löwe']


def test_a_training_folder_names_its_classes_but_hidden_ones(tmp_path):
    for name in ('b', 'a', '.ipynb_checkpoints'):
        (tmp_path / name).mkdir()
    assert classes.read_classes(str(tmp_path)) == ['a', 'b']


def test_a_part_of_the_folders_maps_to_the_right_outputs(tmp_path):
    part = {name: COLOURS[name] for name in ('green', 'red')}
    write_classes(tmp_path, 4, 0, part)
    assert robust.accuracy(classifier('blue', 'green', 'red'), tmp_path) == 1
    shuffled = classifier('red', 'green', 'blue')  # outputs named wrongly
    shuffled.model.names = ('blue', 'green', 'red')
    # green is still the second output; red is taken for the first, blue
    assert robust.accuracy(shuffled, tmp_path) == 0.5


def test_only_the_classes_that_are_there_are_compared(tmp_path):
    """This green is nearer to blue, but no folder is blue."""
    part = dict(green=(20, 110, 130), red=COLOURS['red'])
    write_classes(tmp_path, 4, 0, part)
    assert robust.accuracy(classifier('blue', 'green', 'red'), tmp_path) == 1


def test_mce_by_hand():
    """All right but snow, wrong at two of five severities."""
    errors = {name: [0.0] * 5 for name in ALEXNET_ERRORS}
    errors['snow'] = [0, 0, 0, 1, 1]
    # 2 / 5 over AlexNet's 0.866816, one of 15 corruptions
    expected = 0.4 / 0.866816 / 15
    assert mean_corruption_error(errors) == pytest.approx(expected)


def test_alexnet_errors_are_the_published_ones():
    """Table 5 of the paper in per cent, noise to digital."""
    published = [89, 89, 92, 82, 83, 79, 80, 87, 83, 82, 56, 85, 65, 72, 61]
    assert [round(100 * e) for e in ALEXNET_ERRORS.values()] == published


def clean_image():
    rng = np.random.default_rng(0)
    return rng.integers(60, 190, (40, 40, 3), np.uint8)


def corrupted(name, severity, path='a/1.png'):
    results = dict(img=clean_image(), img_path=path)
    return Corrupt(name, severity).transform(results)['img']


@pytest.mark.parametrize('name', ALEXNET_ERRORS)
def test_corruptions_are_reproducible_and_change_the_image(name):
    pytest.importorskip('imagecorruptions')
    clean = clean_image()
    before = np.random.get_state()[1].copy()
    first, again = corrupted(name, 3), corrupted(name, 3)
    assert (first == again).all()
    assert first.shape == clean.shape and first.dtype == np.uint8
    assert (first != clean).any()
    assert (np.random.get_state()[1] == before).all()


def test_each_image_gets_its_own_noise():
    pytest.importorskip('imagecorruptions')
    first = corrupted('gaussian_noise', 3)
    assert (first != corrupted('gaussian_noise', 3, 'a/2.png')).any()


def test_a_corruption_acts_on_rgb():
    """The library's own result on the image turned to RGB and back."""
    library = pytest.importorskip('imagecorruptions')
    clean = clean_image()
    expected = library.corrupt(
        np.ascontiguousarray(clean[..., ::-1]),
        corruption_name='brightness',
        severity=4,
    )[..., ::-1]
    assert (corrupted('brightness', 4) == expected).all()


def test_a_wrong_corruption_is_named():
    with pytest.raises(ValueError, match="'rain' of severity 9"):
        Corrupt('rain', 9)


@pytest.fixture
def stored(tmp_path):
    """ImageNet-C of one image a class; only snow of severity 5 is hard."""
    for name in ALEXNET_ERRORS:
        for severity in range(1, 6):
            colours = dict(COLOURS)
            if (name, severity) == ('snow', 5):
                colours['red'] = COLOURS['blue']
            write_classes(
                tmp_path / 'group' / name / str(severity), 1, 0, colours
            )
    return tmp_path


def test_the_published_set_is_read_and_not_cropped_again(stored):
    model = classifier('blue', 'green', 'red')
    errors = robust.stored_corruptions(model, stored)
    assert errors['snow'] == pytest.approx([0, 0, 0, 0, 1 / 3])
    assert errors['fog'] == [0] * 5
    expected = 1 / 3 / 5 / ALEXNET_ERRORS['snow'] / 15
    assert mean_corruption_error(errors) == pytest.approx(expected)
    assert model.model.sizes == {(32, 32)}
    assert [s.get('scale') for s in robust._uncropped(PIPELINE)][1] == 32


def test_a_missing_severity_is_named(tmp_path):
    write_classes(tmp_path / 'gaussian_noise/1', 1, 0)
    with pytest.raises(FileNotFoundError, match='gaussian_noise/2'):
        robust.stored_corruptions(classifier(*COLOURS), tmp_path)
