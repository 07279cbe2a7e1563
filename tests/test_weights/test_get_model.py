"""One call gives a backbone whose output fits the checkpoint."""

import re

import pytest
import torch

import siameseim
from siameseim.downstream import SiameseIMViTDet
from siameseim.layouts.safe_load import load_file
from tests.transfer_fixtures import ROOT
from tests.vit_fixtures import assert_near, prefixed, saved, tiny_vit


@torch.no_grad()
def test_the_mean_of_the_patches_without_a_norm(pretrained):
    model = siameseim.get_model(pretrained.path, num_heads=pretrained.heads)
    assert not model.training
    (features,) = model(pretrained.images)
    torch.testing.assert_close(features, pretrained.tokens[:, 1:].mean(1))


@torch.no_grad()
def test_a_finetuned_file_gives_what_its_head_takes(shared):
    folder = shared / 'reference'
    outputs = torch.load(folder / 'reference_finetuned_io.pt')
    file = folder / 'reference_finetuned.pth'
    model = siameseim.get_model(file, num_heads=4)
    head = load_file(str(file))['model']
    (features,) = model(outputs['input'])
    assert_near(
        features @ head['head.weight'].T + head['head.bias'], outputs['logits']
    )


@torch.no_grad()
def test_other_image_sizes_and_outputs(tmp_path):
    file = saved(tmp_path / 'a.pth', tiny_vit().state_dict())
    images = torch.randn(2, 3, 24, 32)
    model = siameseim.get_model(
        file, num_heads=2, img_size=(24, 32), out_type='featmap',
        out_indices=(1, 3),
    )  # fmt: skip
    expected = tiny_vit(out_type='featmap', out_indices=(1, 3))(images)
    for ours, reference in zip(model(images), expected, strict=True):
        torch.testing.assert_close(ours, reference)
    assert model.img_size == (24, 32)


@torch.no_grad()
def test_a_vitdet_comes_with_its_windows(tmp_path):
    source = tiny_vit(
        SiameseIMViTDet, img_size=24, window_size=2, global_blocks=[1, 3]
    )
    file = saved(tmp_path / 'a.pth', source.state_dict())
    model = siameseim.get_model(file)  # heads from the tables
    images = torch.randn(2, 3, 24, 24)
    torch.testing.assert_close(model(images)[-1], source(images)[-1])


@torch.no_grad()
@pytest.mark.parametrize(
    ('shape', 'window', 'blocks'),
    [
        ((16, 32), 3, [0, 1, 2, 3]),
        ((32, 16), 3, [0, 1, 2, 3]),
        ((12, 32), 3, [1, 3]),  # as many rows as a window
        ((12, 32), 5, [1, 3]),  # fewer
        ((32, 12), 3, []),
    ],
)
def test_a_vitdet_of_an_oblong_map(shape, window, blocks, tmp_path):
    sizes = dict(img_size=shape, window_size=window, global_blocks=blocks)
    source = tiny_vit(SiameseIMViTDet, **sizes)
    model = siameseim.get_model(saved(tmp_path / 'a.pth', source.state_dict()))
    for size in (shape, (24, 40)):
        images = torch.randn(1, 3, *size)
        torch.testing.assert_close(model(images)[-1], source(images)[-1])


def test_the_convert_command(tmp_path, capsys):
    from convert import main

    file = saved(tmp_path / 'a.pth', tiny_vit().state_dict())
    out = tmp_path / 'out.pth'
    arguments = ['--to', 'timm', '--num-heads', '2']
    main([file, str(out), *arguments, '--img-size', '16', '24'])
    assert torch.load(out)['pos_embed'].shape == (1, 25, 16)
    printed = capsys.readouterr().out
    for word in ('read:', 'renamed:', 'changed:', 'load it:'):
        assert word in printed
    with pytest.raises(SystemExit, match='error: .* does not exist'):
        main([str(tmp_path / 'b.pth'), str(out), *arguments])


def test_a_report_does_not_count_to_zero(tmp_path):
    """It would look as if nothing had been kept of the weights."""
    state = prefixed('backbone.', tiny_vit().state_dict())
    file = saved(tmp_path / 'a.pth', state)
    report = siameseim.convert_checkpoint(
        file, tmp_path / 'b.pth', 'siameseim', num_heads=2
    )
    assert report.kept == 0 and len(report.renamed) == len(state)
    assert 'kept' not in str(report)


def with_heads(folder, img_size=None):
    """A file that tells the number of heads."""
    file = saved(folder / 'a.pth', tiny_vit().state_dict())
    siameseim.convert_checkpoint(
        file, folder / 'b.pth', 'siameseim', num_heads=2, img_size=img_size
    )
    return folder / 'b.pth'


def test_the_example_for_tensors_of_ones_own(tmp_path):
    """Of docs/weights.md, as it stands there."""
    file = with_heads(tmp_path)
    text = (ROOT / 'docs/weights.md').read_text()
    [code] = re.findall(r'```python\n([^`]*draw_dense[^`]*)```', text)
    pixels = torch.randint(256, (12, 3, 16, 16), dtype=torch.uint8)
    names = dict(pixels=pixels, labels=torch.arange(12) % 3)
    exec(code.replace('CHECKPOINT', str(file)), names)
    assert set(names['knn']) == {1, 5}
    assert len(names['figure'].axes) == 36  # image, attention, patches


def test_a_square_size_is_one_number(tmp_path):
    assert siameseim.get_model(with_heads(tmp_path, 32)).img_size == (32, 32)
