"""mmdet and mmseg are imported when they are used, and not before."""

import json
import subprocess
import sys

import pytest

# Runs each line it reads, a program, in a fork of itself. What takes long to
# import, and is neither ours nor of a toolbox, is imported by then.
INTERPRETER = """
import contextlib, json, os, sys
import mmcv, mmengine.runner
with contextlib.suppress(ImportError):
    from transformers import BertModel
theirs = ('siameseim', 'mmpretrain', 'mmdet', 'mmseg', 'mmcv.ops')
assert not any(name.startswith(theirs) for name in sys.modules)
for line in sys.stdin:
    if os.fork() == 0:
        exec(json.loads(line))
        sys.exit()
    _, status = os.wait()
    print('status', os.waitstatus_to_exitcode(status), flush=True)
"""


@pytest.fixture(scope='module')
def python():
    """Returns what an interpreter prints that has imported none of them."""

    def run(code):
        print(json.dumps(code), file=server.stdin, flush=True)
        line, printed = '', []
        for line in server.stdout:
            if line.startswith('status '):
                break
            printed += line.split()
        assert line == 'status 0\n', 'its error stands in stderr'
        return printed

    with subprocess.Popen(
        [sys.executable, '-W', 'ignore', '-c', INTERPRETER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        yield run


def test_pretraining_imports_no_part_of_a_toolbox(python):
    """Nor does a question to mmengine or to a registry of somebody else."""
    code = (
        'import sys, siameseim; '
        'from mmengine.registry import MODELS, Registry; '
        "Registry('other', scope='other').get('ResNet'); "
        "MODELS.get('ResNet'); "
        "wanted = ('mmseg.models', 'siameseim.detection.fp32_parts', "
        "'siameseim.segmentation.linear_head'); "
        'print(any(name in sys.modules for name in wanted))'
    )
    assert python(code)[-1] == 'False'


def test_pretraining_needs_no_operators(python):
    """As with mmcv-lite, or an mmcv that was compiled for another torch."""
    code = (
        "import sys; sys.modules['mmcv.ops'] = None; import siameseim; "
        'from mmpretrain.registry import MODELS; '
        "print(MODELS.get('SiameseIM').__name__)"
    )
    assert python(code)[-1] == 'SiameseIM'


@pytest.mark.parametrize(
    ('toolbox', 'registry', 'name', 'used_before'),
    [
        ('mmdet', 'MODELS', 'SiameseIMFederatedLoss', True),
        ('mmdet', 'METRICS', 'SiameseIMLVISMetric', False),
        ('mmseg', 'MODELS', 'SiameseIMLinearSegHead', False),
    ],
)
def test_the_first_question_brings_our_parts(
    python, toolbox, registry, name, used_before
):
    pytest.importorskip(toolbox)
    ask = f"{registry}.get('{{}}')"
    lines = [
        f'from {toolbox}.registry import {registry}',
        ask.format('ResNet') if used_before else 'pass',
        'import siameseim',
        f'print({ask.format(name)}.__name__)',
    ]
    assert python('; '.join(lines))[-1] == name
