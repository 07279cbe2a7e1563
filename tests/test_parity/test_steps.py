"""check_parity passes on the reference and notices what is wrong."""

import copy

import pytest
import torch

from siameseim.parity import compare_file, steps
from siameseim.parity.report import Row, relative_deviation, worst
from tests.transfer_fixtures import tool
from tests.vit_fixtures import saved


@pytest.fixture(scope='module')
def reference(shared):
    return torch.load(shared / 'reference' / 'reference_steps_a.pt')


def failed(rows):
    return [row.name for row in rows if not row.passed]


def test_the_reference_is_met(shared):
    file = shared / 'reference' / 'reference_steps_a.pt'
    rows = compare_file(file)
    assert not failed(rows), rows
    assert len(rows) == 17


@pytest.mark.parametrize(
    ('key', 'change', 'complaint'),
    [
        ('momentum_kept', lambda kept: kept - 0.1, 'target weights'),
        ('mask', lambda mask: mask.roll(1, -1), 'step 1 loss'),
        ('flip1', lambda flip: ~flip, 'rel_flip'),
        ('crop2', lambda crop: crop + 1e-3, 'relative geometry'),
    ],
)
def test_a_wrong_input_is_noticed(reference, key, change, complaint):
    wrong = copy.deepcopy(reference)
    step = wrong['steps'][0]
    step[key] = change(step[key])
    assert any(complaint in name for name in failed(steps.compare(wrong)))


def test_a_wrong_weight_is_noticed(reference):
    wrong = copy.deepcopy(reference)
    wrong['state_after']['mm_blocks.0.attn.proj.weight'] *= 1 + 2e-4
    names = failed(steps.compare(wrong))
    assert len(names) == 1 and names[0].startswith('target weights')


def test_another_optimizer_setting_is_noticed(reference):
    wrong = copy.deepcopy(reference)
    wrong['config']['weight_decay'] = 0.1
    assert any('weights' in name for name in failed(steps.compare(wrong)))


def test_a_file_of_another_kind_is_named(tmp_path):
    torch.save({'model': {}}, tmp_path / 'other.pt')  # without other_io.pt
    with pytest.raises(ValueError, match=r"other.pt has the keys \['model'\]"):
        compare_file(tmp_path / 'other.pt')


def test_nan_and_other_shapes_never_pass():
    assert not Row('x', float('nan'), 1.0).passed
    assert relative_deviation(torch.ones(2), torch.ones(3)) == float('inf')
    rows = [Row('big', 0.5, 1.0), Row('nan', float('nan'), 1.0)]
    assert worst('all', rows).name == 'all (2): nan'


def test_what_cannot_be_compared_is_named_and_the_others_are_compared(
    shared, reference, tmp_path, capsys
):
    """A file that is not there, one without a weight, one without losses."""
    missing = str(tmp_path / 'no.pt')
    weightless, cut = copy.deepcopy(reference), copy.deepcopy(reference)
    del weightless['state']['blocks.0.attn.qkv.weight']
    del cut['steps'][0]['loss']
    files = [
        missing,
        saved(tmp_path / 'weightless.pt', weightless),
        saved(tmp_path / 'cut.pt', cut),
        str(shared / 'reference' / 'reference_steps_a.pt'),
    ]
    assert tool('check_parity').main(files) == 1
    text = capsys.readouterr().out
    assert f'error: checkpoint {missing!r} does not exist' in text
    assert 'Missing key(s) in state_dict: "backbone.layers.0.attn' in text
    assert "error: it has no 'loss': was it cut?" in text
    assert 'step 3 loss' in text and text.endswith('3 FAILED\n')
