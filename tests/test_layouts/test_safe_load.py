"""Files are read without running what they carry."""

import argparse
import functools
import http.server
import os
import pickle
import sys
import threading

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer

from siameseim.layouts import safe_load
from siameseim.layouts.safe_load import load_file


class RunsCode:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize('zipped', [True, False])
def test_a_pickle_that_runs_code_is_refused(tmp_path, zipped):
    trace = tmp_path / 'ran'
    file = tmp_path / 'bad.pth'
    torch.save(
        {'model': RunsCode(trace)},
        file,
        _use_new_zipfile_serialization=zipped,
    )
    with pytest.raises(ValueError, match=r'bad\.pth.*mkdir.*run any code'):
        load_file(str(file))
    assert not trace.exists()


def test_a_plain_pickle_that_runs_code_is_refused(tmp_path):
    trace = tmp_path / 'ran'
    file = tmp_path / 'bad.pth'
    file.write_bytes(pickle.dumps(RunsCode(trace)))
    with pytest.raises(ValueError, match=r'bad\.pth.*without running') as info:
        load_file(str(file))
    assert 'weights_only' not in str(info.value)
    assert not trace.exists()


def test_a_pickled_model_is_refused_with_the_cure(tmp_path):
    torch.save(torch.nn.Linear(1, 1), tmp_path / 'model.pth')
    with pytest.raises(ValueError, match=r'Linear.*state_dict\(\)'):
        load_file(str(tmp_path / 'model.pth'))


def test_namespaces_of_published_files_are_let_in(tmp_path):
    args = argparse.Namespace(lr=0.1)
    torch.save({'args': args}, tmp_path / 'a.pth')
    assert load_file(str(tmp_path / 'a.pth'))['args'] == args


def test_histories_of_training_checkpoints_are_let_in(tmp_path):
    contents = {'loss': HistoryBuffer([2.0], [1]), 'eta': np.float64(3)}
    torch.save({'message_hub': contents}, tmp_path / 'a.pth')
    loaded = load_file(str(tmp_path / 'a.pth'))['message_hub']
    assert loaded['loss'].current() == 2 and loaded['eta'] == 3


@pytest.mark.parametrize(
    'content',
    [
        b'',
        b'<html></html>',
        b'PK\x03\x04cut',
        b'hello world',
        b'epoch,loss',
        b'j-B',
        b'U\x02\xaa\xaa',
    ],
)
def test_what_is_no_checkpoint_is_named(tmp_path, content):
    file = tmp_path / 'broken.pth'
    file.write_bytes(content)
    with pytest.raises(ValueError, match=r'broken\.pth is no PyTorch'):
        load_file(str(file))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='absent.pth'):
        load_file(str(tmp_path / 'absent.pth'))


def test_a_file_without_a_dict_is_refused(tmp_path):
    torch.save([torch.zeros(1)], tmp_path / 'list.pth')
    with pytest.raises(ValueError, match='holds a list'):
        load_file(str(tmp_path / 'list.pth'))


@pytest.fixture
def server(tmp_path, monkeypatch):
    """Address of a web server of a folder, and what was asked of it."""
    requests = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            requests.append(self.path)

    server = http.server.HTTPServer(
        ('127.0.0.1', 0), functools.partial(Handler, directory=tmp_path)
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path / 'hub'))
    yield f'http://127.0.0.1:{server.server_port}', requests
    server.shutdown()


def test_an_address_is_downloaded_once(tmp_path, server):
    root, requests = server
    torch.save({'x': torch.ones(2)}, tmp_path / 'remote.pth')
    for _ in range(2):
        assert load_file(f'{root}/remote.pth')['x'].tolist() == [1, 1]
    assert requests == ['/remote.pth']


def test_other_processes_wait_for_the_download(tmp_path, server, monkeypatch):
    root, requests = server
    torch.save({'x': torch.ones(2)}, tmp_path / 'remote.pth')
    load_file(f'{root}/remote.pth')
    (file,) = (tmp_path / 'hub/checkpoints').iterdir()
    not_yet = file.rename(tmp_path / 'not_yet')
    monkeypatch.setattr(safe_load, 'barrier', lambda: not_yet.rename(file))
    monkeypatch.setenv('LOCAL_RANK', '1')
    assert load_file(f'{root}/remote.pth')['x'].tolist() == [1, 1]
    assert requests == ['/remote.pth']


def test_nobody_waits_for_a_download_that_failed(server, monkeypatch):
    root, _ = server
    waits = []
    monkeypatch.setattr(safe_load, 'barrier', lambda: waits.append(1))
    with pytest.raises(OSError, match='404'):
        load_file(f'{root}/no.pth')
    assert waits


def test_files_of_one_name_at_two_addresses_are_two(tmp_path, server):
    root, _ = server
    for number, folder in enumerate(['first', 'second']):
        (tmp_path / folder).mkdir()
        contents = {'x': torch.tensor(number)}
        torch.save(contents, tmp_path / folder / 'pytorch_model.bin')
    for number, folder in enumerate(['first', 'second']):
        loaded = load_file(f'{root}/{folder}/pytorch_model.bin?download=true')
        assert loaded['x'] == number


def test_safetensors_files_are_read(tmp_path):
    save_file = pytest.importorskip('safetensors.torch').save_file
    save_file({'x': torch.ones(2)}, tmp_path / 'a.safetensors')
    assert load_file(str(tmp_path / 'a.safetensors'))['x'].tolist() == [1, 1]


def test_without_the_safetensors_package_the_cure_is_named(
    tmp_path, monkeypatch
):
    monkeypatch.setitem(sys.modules, 'safetensors', None)
    (tmp_path / 'a.safetensors').touch()
    with pytest.raises(ImportError, match='pip install safetensors'):
        load_file(str(tmp_path / 'a.safetensors'))


def test_an_onnx_program_is_named_as_what_it_is(tmp_path):
    path = tmp_path / 'vit.onnx'
    path.write_bytes(b'\x08\x0a')
    with pytest.raises(ValueError, match='vit.onnx is an ONNX program'):
        load_file(str(path))


def test_a_file_that_was_cut_short_is_named(tmp_path):
    path = tmp_path / 'a.pth'
    torch.save({f'{i}.weight': torch.zeros(100) for i in range(200)}, path)
    path.write_bytes(path.read_bytes()[:50_000])
    with pytest.raises(ValueError, match=f'{path} is no PyTorch .*cut short'):
        load_file(str(path))
