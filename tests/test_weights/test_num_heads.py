"""The number of heads, which no tensor's shape tells."""

from siameseim.layouts import num_heads
from siameseim.layouts.load_backbone import load_pretrained
from siameseim.models import SiameseIMViT
from tests.vit_fixtures import SIZES, TINY, saved, tiny_vit


def test_other_heads_than_the_file_tells_are_warned_of(tmp_path, monkeypatch):
    """Their tensors are alike, their features are not."""
    said = []
    monkeypatch.setattr(num_heads, 'warn', said.append)
    state = tiny_vit().state_dict()
    heads = TINY['num_heads']
    model = SiameseIMViT(**SIZES)
    for told, warnings in ((None, 0), (heads, 0), (2 * heads, 1)):
        meta = {} if told is None else dict(num_heads=told)
        file = saved(tmp_path / 'f.pth', dict(state_dict=state, meta=meta))
        load_pretrained(model, file)
        assert len(said) == warnings
    assert f'num_heads={2 * heads}' in said[0]
