"""The published fine-tuned layout through stock classifier parts."""

import pytest

from siameseim.parity import compare_file, finetuned


def test_logits_and_tokens_equal_the_reference(shared):
    file = shared / 'reference/reference_finetuned_io.pt'
    rows = compare_file(file)
    assert [row.name for row in rows] == ['tokens before norm', 'logits']
    assert max(row.deviation for row in rows) < 1e-5


def test_an_outputs_file_without_its_checkpoint_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'x\.pth must lie beside'):
        finetuned.checkpoint_of(tmp_path / 'x_io.pt')


@pytest.mark.parametrize(
    ('name', 'quantities'),
    [
        ('reference_finetuned.pth', 2),
        ('reference_vitdet_a.pt', 6),
    ],
)
def test_every_schema_is_recognised(shared, name, quantities):
    rows = compare_file(shared / 'reference' / name)
    assert len(rows) == quantities
    assert all(row.passed for row in rows)
