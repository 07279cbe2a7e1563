"""Files that cannot be read are replaced, named once, and counted."""

import io
import logging
import os
from pathlib import Path

import pytest
import torch
from PIL import Image

from siameseim.datasets import PretrainDataset, pretrain_dataset
from siameseim.errors import InputError
from tests.two_processes import run_in_two

DAMAGED = ['empty.jpg', 'text.jpg', 'truncated.jpg', 'broken.png']


@pytest.fixture
def damaged(folder: Path, photo: Image.Image) -> Path:
    """The folder of twelve images, with four files that cannot be read."""
    content = io.BytesIO()
    photo.save(content, 'JPEG')
    jpeg = content.getvalue()
    content = io.BytesIO()
    photo.resize((64, 64)).save(content, 'PNG')
    png = bytearray(content.getvalue())
    png[200:300] = bytes(100)
    (folder / 'empty.jpg').touch()
    (folder / 'text.jpg').write_text('not an image')
    (folder / 'truncated.jpg').write_bytes(jpeg[: len(jpeg) // 2])
    (folder / 'broken.png').write_bytes(png)
    return folder


@pytest.mark.parametrize('num_workers', [0, 2])
def test_damaged_files_are_skipped_named_once_and_counted(
    num_workers, damaged, load, log_file
):
    loader = load(damaged, num_workers)
    for epoch in range(2):
        loader.sampler.set_epoch(epoch)
        seen = torch.cat(
            [batch['data_samples']['sample_idx'] for batch in loader]
        )
        assert len(seen) == 16
        assert len(seen.unique()) == 12
    dataset = loader.dataset
    assert dataset.num_unreadable == 4
    log = log_file.read_text()
    for name in DAMAGED:
        assert log.count(f'{name} (') == 1
    assert log.count('skipped unreadable image') == 4
    for reason in ('is truncated', 'cannot identify', 'is empty'):
        assert reason in log


def read_half(rank: int, root: str) -> list[int]:
    """What is known of twelve files, of which each rank reads every other."""
    dataset = PretrainDataset(
        dict(type='ImageFolder', data_root=root),
        [lambda results: results['source'].decode()],
    )
    for index in range(rank, len(dataset), 2):
        dataset[index]
    alone = dataset.num_unreadable
    dataset.share_unreadable()
    return [alone, dataset.num_unreadable]


@pytest.mark.slow
def test_processes_know_what_any_of_them_could_not_read(tmp_path, photo):
    for i in range(12):
        photo.resize((32, 32)).save(tmp_path / f'{i:02d}.png')
    for i in (1, 3, 6):  # two of the second rank's files, one of the first's
        (tmp_path / f'{i:02d}.png').write_bytes(b'')
    counts = run_in_two(read_half, str(tmp_path))
    assert counts == [[1, 3], [2, 3]]


def test_what_another_process_could_not_read_is_counted_too(
    folder, build, monkeypatch, log_file
):
    """Without the processes of the slow test above: its third file."""
    (folder / '0.jpg').touch()
    dataset = build()
    dataset[0]
    theirs = torch.arange(len(dataset)) == 2

    def reduce(flags, op):
        assert op == 'max'
        flags.copy_(flags.maximum(theirs))

    monkeypatch.setattr(pretrain_dataset, 'get_world_size', lambda: 2)
    monkeypatch.setattr(pretrain_dataset, 'all_reduce', reduce)
    dataset.share_unreadable()
    assert dataset.num_unreadable == 2


def test_the_next_image_takes_the_place_of_a_damaged_one(
    damaged, build, log_file
):
    dataset = build(damaged)
    names = [
        Path(dataset.dataset.get_data_info(i)['img_path']).name
        for i in range(len(dataset))
    ]
    index = names.index('empty.jpg')
    assert names[index + 1 :] == ['text.jpg', 'truncated.jpg']
    first, again = dataset[index], dataset[index]
    assert first['data_samples']['sample_idx'] == 1  # 0 is broken.png
    assert names[0] == 'broken.png'
    assert torch.equal(first['inputs'][0], again['inputs'][0])


def test_a_name_that_is_no_utf_8_is_escaped(folder, build, log_file, capsys):
    Path(os.fsdecode(bytes(folder) + b'/0caf\xe9.jpg')).touch()
    dataset = build()
    dataset[0]
    assert r'0caf\xe9.jpg (the file is empty)' in log_file.read_text()
    assert 'Logging error' not in capsys.readouterr().err


def test_warnings_of_other_ranks_pass_their_console(
    damaged, build, monkeypatch
):
    """The stock logger of ranks other than 0 shows only errors."""
    levels = []
    monkeypatch.setattr(
        pretrain_dataset,
        'print_log',
        lambda text, logger, level: levels.append(level),
    )
    for rank in (0, 1):
        monkeypatch.setattr(pretrain_dataset, 'get_rank', lambda r=rank: r)
        build(damaged)[0]
    assert levels == [logging.WARNING, logging.ERROR]


def test_too_many_damaged_files_in_a_row_stop_the_run(
    tmp_path, build, log_file
):
    for i in range(101):
        (tmp_path / f'{i:03d}.jpg').touch()
    dataset = build(tmp_path)
    with pytest.raises(InputError, match='100 images in a row') as error:
        dataset[0]
    assert str(tmp_path) in str(error.value)


def test_a_loader_worker_says_it_as_the_main_process_does(tmp_path, load):
    (tmp_path / 'damaged').mkdir()
    for i in range(4):
        (tmp_path / f'damaged/{i}.jpg').touch()
    with pytest.raises(InputError) as error:
        next(iter(load(tmp_path / 'damaged', 1)))
    assert str(error.value).startswith('4 images in a row')


def test_a_lost_disk_stops_the_run(folder, build, log_file):
    dataset = build()
    for path in folder.rglob('*.jpg'):
        path.unlink()
    with pytest.raises(InputError, match='12 images in a row'):
        dataset[5]


def test_errors_of_transforms_are_not_hidden(build):
    def fail(results: dict) -> dict:
        raise OSError('a bug')

    with pytest.raises(OSError, match='a bug'):
        build(steps=[fail])[0]
