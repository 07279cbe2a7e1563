"""The compilers mmcv's build calls: other options, torch's headers once."""

import json
import shlex
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest

from bootstrap import mmcv_wheel
from bootstrap.torch_facts import TorchFacts

FACTS = TorchFacts('2.0', None, None, None, False, 'cp311', 'linux_x86_64')
# Notes each call; writes what -o names; fails where a word says so.
COMPILER = """\
import json, pathlib, sys

words = sys.argv[2:]
with open(sys.argv[1], 'a') as file:
    file.write(json.dumps(words) + '\\n')
if '{failing}' in ' '.join(words):
    sys.exit('{failing} is no good')
pathlib.Path(words[words.index('-o') + 1]).write_text('compiled')
"""
ADDED = ['-std=c++20', '-g0', '-O1', '-Wno-sign-compare']
CALL = ['-MMD', '-MF', 'a.o.d', '-DX=1', '-c', 'a.cpp', '-o', 'a.o']


@pytest.fixture
def compiler(places, tmp_path, monkeypatch):
    """Return a function that runs the wrapper and lists the calls it made."""
    monkeypatch.chdir(tmp_path)
    calls = tmp_path / 'calls'

    def run(words, failing='nothing'):
        fake = tmp_path / 'fake.py'
        fake.write_text(COMPILER.format(failing=failing))
        cxx = shlex.join([sys.executable, str(fake), str(calls)])
        variables = mmcv_wheel.build_environment(places, FACTS, cxx, tmp_path)
        calls.write_text('')
        subprocess.run([variables['CXX'], *words], check=True)
        return [json.loads(line) for line in calls.read_text().splitlines()]

    return run


def test_the_wrapper_has_the_last_word_on_the_standard(compiler):
    (call,) = compiler(['-std=c++17', '-shared', 'a.o', '-o', 'a.so'])
    assert call[0] == '-std=c++17'
    assert call[-len(ADDED) :] == ADDED


def test_torchs_headers_are_precompiled_with_the_flags_of_the_call(
    compiler, tmp_path
):
    header = f'{tmp_path}/torch.hpp'
    made, used = compiler(CALL)
    files = {'a.cpp': header, 'a.o': f'{header}.part'}
    options = [*CALL, *ADDED]
    assert made == [files.get(word, word) for word in options]
    assert used == [*options, '-Winvalid-pch', '-include', header]
    assert (tmp_path / 'torch.hpp.gch').exists()


def test_they_are_precompiled_once(compiler):
    compiler(CALL)
    (used,) = compiler(CALL)
    assert '-include' in used


@pytest.mark.parametrize(
    'words',
    [
        ['-shared', 'a.cpp.o', '-o', 'a.so'],
        ['-c', 'a.c', '-o', 'a.o'],
        ['-c', 'a.mm', '-o', 'a.o'],
    ],
)
def test_only_files_of_cpp_include_them(compiler, words):
    (call,) = compiler(words)
    assert call == [*words, *ADDED]


def test_without_the_precompiled_headers_it_compiles_all_the_same(
    compiler, tmp_path
):
    compiler(CALL, failing='torch.hpp.part')
    assert (tmp_path / 'a.o').read_text() == 'compiled'
    assert not (tmp_path / 'torch.hpp.gch').exists()


def test_where_using_them_fails_they_are_dropped(compiler, tmp_path):
    *_, plain = compiler(CALL, failing='-include')
    assert plain == [*CALL, *ADDED]
    assert not (tmp_path / 'torch.hpp.gch').exists()


@pytest.mark.skipif(shutil.which('g++') is None, reason='needs g++')
def test_a_real_compiler_takes_the_precompiled_header(places, tmp_path):
    """A second reading of the header would be an error."""
    (tmp_path / 'torch').mkdir()
    header = tmp_path / 'torch/types.h'
    header.write_text('#pragma once\ninline int seven() { return 7; }\n')
    (tmp_path / 'a.cpp').write_text('int main() { return seven() - 7; }\n')
    variables = mmcv_wheel.build_environment(places, FACTS, 'g++', tmp_path)
    call = [variables['CXX'], f'-I{tmp_path}', '-c', 'a.cpp', '-o', 'a.o']
    subprocess.run(call, cwd=tmp_path, check=True)
    header.write_text('#error read again\n')
    subprocess.run(call, cwd=tmp_path, check=True)


def test_the_nvcc_wrapper_replaces_the_standard(places, tmp_path):
    facts = replace(
        FACTS, gpu=True, cuda='13.0', nvcc_version='13.0', nvcc='echo'
    )
    variables = mmcv_wheel.build_environment(places, facts, 'g++', tmp_path)
    told = subprocess.check_output(
        [variables['PYTORCH_NVCC'], '-O2', '-std=c++17'], text=True
    )
    assert told.split() == ['-O2', '-std=c++20']
