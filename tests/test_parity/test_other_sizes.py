"""Published files of many sizes against a ViT written out plainly."""

from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor

import siameseim
from siameseim.parity import compare_file
from siameseim.parity.rebuild import build_model
from siameseim.weights import convert_checkpoint
from tests import plain_vit
from tests.plain_siameseim import Plain
from tests.published_state import pretraining_state
from tests.test_parity.test_other_switches import BASE

# height and width of the images, patch, width, depth, heads, MLP
CASES = {
    'narrow heads': ((32, 32), 8, 48, 2, 6, 96),
    'patch 14, deep': ((28, 28), 14, 40, 5, 5, 120),
    'one head, wide MLP': ((48, 48), 16, 24, 1, 1, 200),
    'oblong image': ((16, 40), 8, 32, 2, 2, 64),
    'oblong patch': ((24, 16), (8, 4), 36, 2, 3, 50),
}


class Case(NamedTuple):
    """A published fine-tuned file and what it computes."""

    file: Any
    heads: int
    size: tuple[int, int]
    images: Tensor
    tokens: Tensor
    logits: Tensor


@pytest.fixture(params=CASES)
def sizes(request):
    return CASES[request.param]


@pytest.fixture(params=['pooled', 'cls token'])
def pooled(request):
    return request.param == 'pooled'


@pytest.fixture(params=['sin-cos', 'learned'])
def case(request, sizes, pooled, tmp_path):
    """X.pth and X_io.pt in the layout of the published fine-tuned files."""
    torch.manual_seed(0)
    size, patch, width, depth, heads, hidden = sizes
    high, wide = (patch, patch) if isinstance(patch, int) else patch
    state = plain_vit.random_state(width, depth, (high, wide), hidden)
    grid = size[0] // high, size[1] // wide
    state['pos_embed'] = plain_vit.sincos(*grid, width)
    if request.param == 'learned':
        state['pos_embed'] = torch.randn_like(state['pos_embed'])
    norm = 'fc_norm' if pooled else 'norm'
    state[f'{norm}.weight'] = torch.rand(width) + 0.5
    state[f'{norm}.bias'] = torch.randn(width)
    state['head.weight'], state['head.bias'] = (
        torch.randn(7, width), torch.randn(7),
    )  # fmt: skip
    images = torch.randn(2, 3, *size)
    tokens = plain_vit.encode(state, images, heads)
    logits = plain_vit.classify(state, tokens)
    config = dict(
        img_size=size[0] if size[0] == size[1] else list(size),
        patch_size=patch, embed_dim=width, depth=depth, num_heads=heads,
        num_classes=7, global_pool=pooled, ln_eps=1e-6,
    )  # fmt: skip
    file = tmp_path / 'x.pth'
    torch.save({'model': state, 'epoch': 99}, file)
    torch.save(
        dict(config=config, input=images, logits=logits,
             tokens_before_norm=tokens),
        tmp_path / 'x_io.pt',
    )  # fmt: skip
    return Case(file, heads, size, images, tokens, logits)


def test_check_parity(case):
    rows = compare_file(case.file.with_name('x_io.pt'))
    assert [row.name for row in rows] == ['tokens before norm', 'logits']
    assert max(row.deviation for row in rows) < 1e-5
    contents = torch.load(case.file)
    contents['model']['head.bias'][0] += 0.1
    torch.save(contents, case.file)
    assert [row.passed for row in compare_file(case.file)] == [True, False]


@torch.no_grad()
def test_get_model_gives_the_tokens(case):
    model = siameseim.get_model(
        case.file, num_heads=case.heads, img_size=case.size, out_type='raw'
    )
    model.final_norm = False  # the file's tokens are before it
    torch.testing.assert_close(
        model(case.images)[-1], case.tokens, rtol=0, atol=1e-4
    )


@torch.no_grad()
def test_convert_to_timm_classifies(case, tmp_path):
    timm = pytest.importorskip('timm')
    options = dict(num_heads=case.heads, img_size=case.size)
    convert_checkpoint(case.file, tmp_path / 't', 'timm', **options)
    model = timm.create_model(f'local-dir:{tmp_path}/t', pretrained=True)
    torch.testing.assert_close(
        model.eval()(case.images), case.logits, rtol=0, atol=1e-4
    )


@pytest.mark.parametrize(
    'sizes',
    [
        dict(embed_dim=24, depth=2, num_heads=3, patch_size=8,
             decoder_embed_dim=32, projector_depth=1, predictor_depth=2),
        dict(embed_dim=40, depth=3, num_heads=5, patch_size=14,
             decoder_embed_dim=16, projector_depth=2, predictor_depth=1),
    ],
    ids=['patch 8', 'patch 14'],
)  # fmt: skip
@torch.no_grad()
def test_pretraining_files(sizes, tmp_path):
    config = BASE | sizes | dict(img_size=3 * sizes['patch_size'])
    heads, side = config['num_heads'], config['img_size']
    torch.manual_seed(0)
    state = pretraining_state(config, (3, 3))
    state['mm_mask_token'] = state['mask_token']  # never read
    source, ours, back = (tmp_path / f'{n}.pth' for n in 'abc')
    torch.save({'model': state, 'epoch': 1, 'scaler': {}}, source)
    convert_checkpoint(source, ours, 'siameseim-pretraining', num_heads=heads)
    model = build_model(config, state)
    model.load_state_dict(torch.load(ours)['state_dict'])  # strict
    images = torch.randn(2, 3, side, side)
    plain = Plain(config, state)
    for branch, prefix, backbone in (
        ('online', '', model.backbone),
        ('target', 'mm_', model.target.backbone),
    ):
        expected = plain.backbone(images, prefix).float()
        for found in (
            backbone.eval().encode(images),
            siameseim.get_model(
                source, branch, num_heads=heads, out_type='raw'
            )(images)[-1],
        ):
            torch.testing.assert_close(found, expected, rtol=0, atol=1e-4)
    convert_checkpoint(ours, back, 'published')
    again = torch.load(back)['model']
    assert again.keys() == state.keys()
    for name, tensor in state.items():
        atol = 1e-6 if name == 'decoder_pos_embed' else 0
        torch.testing.assert_close(again[name], tensor, rtol=0, atol=atol)
