"""mmdet and mmseg are imported when they are used, and not before."""

import subprocess
import sys

import pytest


def python(code):
    """What a fresh interpreter prints."""
    done = subprocess.run(
        [sys.executable, '-W', 'ignore', '-c', code],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_pretraining_imports_no_part_of_a_toolbox():
    """Nor does a question to mmengine or to a registry of somebody else."""
    code = (
        'import sys, siameseim; '
        'from mmengine.registry import MODELS, Registry; '
        "Registry('other', scope='other').get('ResNet'); "
        "MODELS.get('ResNet'); "
        "wanted = ('mmseg.models', 'siameseim.detection.parts', "
        "'siameseim.segmentation.parts'); "
        'print(any(name in sys.modules for name in wanted))'
    )
    assert python(code)[-1] == 'False'


def test_pretraining_needs_no_operators():
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
    toolbox, registry, name, used_before
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
