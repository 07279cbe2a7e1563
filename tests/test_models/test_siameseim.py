"""The algorithm: what gets gradients, what moves, what it starts as."""

import pickle

import pytest
import torch
from torch.testing import assert_close

from siameseim.errors import InputError
from siameseim.models import SiameseIM
from tests.apple import OnApple, kernels_of_apple
from tests.model_fixtures import random_batch, tiny_model


def test_gradients_reach_the_online_branch_and_nothing_frozen():
    torch.manual_seed(0)
    model = tiny_model().train()
    model.update_target(1.0)
    sum(model.loss(*random_batch(4)).values()).backward()
    frozen = {'backbone.pos_embed', 'backbone.patch_embed'}
    for name, parameter in model.named_parameters():
        is_online = not name.startswith('target.') and not any(
            name.startswith(prefix) for prefix in frozen
        )
        assert (parameter.grad is not None) == is_online, name


def test_target_follows_the_ema_formula_for_several_updates():
    torch.manual_seed(1)
    model = tiny_model()
    name = 'layers.1.attn.qkv.weight'
    online = dict(model.backbone.named_parameters())[name]
    expected = online.detach().clone()
    for kept in (0.9, 0.99, 0.5):
        with torch.no_grad():
            online.add_(torch.randn_like(online))
        expected = kept * expected + (1 - kept) * online.detach()
        model.update_target(kept)
    moved = dict(model.target.backbone.named_parameters())[name]
    assert_close(moved, expected)


@pytest.mark.parametrize('skipped', [False, True])
def test_on_apple_the_target_moves_unless_the_step_was_skipped(
    monkeypatch, skipped
):
    kernels_of_apple(monkeypatch)
    model = tiny_model()
    online = model.backbone.layers[0].attn.qkv.weight.detach().add_(1)
    target = model.target.backbone.layers[0].attn.qkv.weight
    old = target.clone()
    model.update_target(0.9, torch.tensor(skipped).as_subclass(OnApple))
    assert_close(target, old if skipped else 0.9 * old + 0.1 * online)


def test_target_of_another_memory_layout_follows_all_the_same():
    model = tiny_model()
    online = model.backbone.layers[0].attn.qkv.weight
    online.data = online.data.T.contiguous().T + 1
    target = model.target.backbone.layers[0].attn.qkv.weight
    expected = 0.9 * target.clone() + 0.1 * online.detach()
    model.update_target(0.9)
    assert_close(target.detach(), expected.detach())


def test_target_batchnorm_buffers_are_its_own():
    torch.manual_seed(2)
    model = tiny_model().train()
    model.update_target(0.0)  # equal weights from here on
    model.loss(*random_batch(4))
    online = dict(model.neck.projector.named_buffers())
    for name, buffer in model.target.projector.named_buffers():
        if name.endswith('running_mean'):
            assert not torch.equal(buffer, online[name]), name


def test_target_starts_equal_to_the_online_branch():
    model = tiny_model()
    target, online = model.target.backbone, model.backbone
    assert_close(target.state_dict(), online.state_dict(), rtol=0, atol=0)


@pytest.mark.parametrize('part', ['', 'backbone', 'target'])
def test_the_target_follows_weights_that_took_the_place_of_others(part):
    model = tiny_model()
    model.update_target(0.9)
    module = model.get_submodule(part)
    others = {name: value + 1 for name, value in module.state_dict().items()}
    module.load_state_dict(others, assign=True)
    model.target.requires_grad_(False)
    with torch.no_grad():
        model.backbone.cls_token.fill_(5)
    model.update_target(0.0)
    assert_close(model.target.backbone.cls_token, model.backbone.cls_token)


def test_a_saved_target_takes_no_online_weights_along():
    model = tiny_model()
    before = len(pickle.dumps(model.target))
    model.update_target(0.9)
    assert len(pickle.dumps(model.target)) - before < 200


def test_the_target_drops_nothing_where_the_online_branch_does():
    torch.manual_seed(0)
    drops = dict(drop_rate=0.3, drop_path_rate=0.3)
    blocks = [dict(attn_drop_rate=0.3), dict(attn_drop_rate=0.3)]
    model = tiny_model(layer_cfgs=blocks, **drops).train()
    model.update_target(0.0)
    (view, _), samples = random_batch(8)
    first, second = (model.target(view) for _ in range(2))
    assert torch.equal(first, second)
    seen = samples['visible']
    first, second = (model.backbone(view, seen) for _ in range(2))
    assert not torch.equal(first, second)


def test_a_backbone_without_a_cls_token_is_refused():
    with pytest.raises(InputError, match='with_cls_token=False'):
        tiny_model(with_cls_token=False, out_type='raw')


def test_training_with_a_target_that_never_moves_is_refused():
    model = tiny_model().train()
    with pytest.raises(InputError, match='MomentumTargetHook'):
        model.loss(*random_batch(2))


@pytest.mark.parametrize('grid', [(4, 4), (3, 6)])
@pytest.mark.parametrize('norm', ['BN', 'LN'])
def test_any_grid_and_norm_gives_finite_losses(grid, norm):
    torch.manual_seed(3)
    model = tiny_model(norm, grid).train()
    model.update_target(0.9)
    losses = model.loss(*random_batch(3, grid, num_masked=9))
    assert all(torch.isfinite(value) for value in losses.values())


def test_prediction_does_not_depend_on_masked_patches():
    torch.manual_seed(4)
    model = tiny_model().eval()
    (view1, view2), samples = random_batch(2)
    before = model.loss([view1, view2], samples)
    hidden = torch.ones(2, 16, dtype=torch.bool)
    hidden.scatter_(1, samples['visible'], False)
    pixels = hidden.view(2, 1, 4, 4).repeat_interleave(4, 2)
    noise = torch.randn_like(view1) * pixels.repeat_interleave(4, 3)
    after = model.loss([view1 + noise, view2], samples)
    assert_close(after, before)


def test_patch_embedding_starts_xavier_uniform_and_norms_as_the_identity():
    torch.manual_seed(5)
    model = tiny_model()
    patches = model.backbone.patch_embed.projection
    bound = (6 / (16 + 3 * 4 * 4)) ** 0.5
    assert 0.9 * bound < patches.weight.abs().max() <= bound
    for name, parameter in model.named_parameters():
        if name.endswith('bias'):
            assert not parameter.any(), name
        if name.endswith(('ln1.weight', 'ln2.weight', 'bn.weight')):
            assert (parameter == 1).all(), name


def test_every_linear_starts_xavier_uniform():
    """Of both branches; a uniform's deviation is its bound / sqrt 3."""
    torch.manual_seed(7)
    linears = {
        name: module.weight.detach()
        for name, module in tiny_model().named_modules()
        if isinstance(module, torch.nn.Linear)
    }
    assert len(linears) == 32  # four in each of 7 blocks, and 4 alone
    for name, weight in linears.items():
        bound = (6 / sum(weight.shape)) ** 0.5
        assert weight.abs().max() <= bound, name
        # of n uniform numbers the deviation scatters by sqrt(0.2 / n)
        expected = pytest.approx(
            bound / 3**0.5, rel=4 * (0.2 / weight.numel()) ** 0.5
        )
        assert weight.std().item() == expected, name


@pytest.mark.parametrize('token', ['backbone.cls_token', 'mask_token'])
def test_tokens_start_as_narrow_gaussians(token):
    torch.manual_seed(6)
    draws = []
    for _ in range(60):
        parameters = dict(tiny_model().named_parameters())
        name = next(n for n in parameters if n.endswith(token))
        draws.append(parameters[name].detach().flatten())
    assert_close(torch.cat(draws).std(), torch.tensor(0.02), rtol=0.1, atol=0)


@pytest.mark.parametrize(
    ('change', 'said'),
    [
        (lambda views, samples: (views, [samples]), 'PackTwoViews'),
        (
            lambda views, samples: ([views[0][..., :8, :], views[1]], samples),
            r'\(8, 16\).*img_size=\(16, 16\)',
        ),
        (
            lambda views, samples: ([*views, views[0]], samples),
            'got 3 views, .*num_views=2',
        ),
        # a single view comes without a list, as PackViews packs it
        (lambda views, samples: (views[0], samples), 'got 1 views'),
        *(
            # indices of a smaller grid would fit, and hide the same rows
            (
                lambda views, samples, grid=grid: (
                    views,
                    {**samples, 'mask': torch.zeros(2, *grid)},
                ),
                r'masks of .*BlockMask',
            )
            for grid in ((3, 4), (5, 5))
        ),
        (
            lambda views, samples: (views, {**samples, 'changes': None}),
            'were not made: .*ViewPreprocessor',
        ),
    ],
)
def test_what_a_wrong_pipeline_makes_is_refused(change, said):
    model = tiny_model().train()
    with pytest.raises(InputError, match=said):
        model.loss(*change(*random_batch(2)))


def test_an_image_size_that_patches_do_not_fill_is_refused():
    with pytest.raises(ValueError, match='img_size.*patch_size'):
        tiny_model(img_size=(16, 18))  # 16 x 18 pixels, patches of 4


def test_parts_may_be_modules():  # as for mmpretrain's other methods
    parts = tiny_model()
    model = SiameseIM(parts.backbone, parts.neck, parts.head)
    assert model.neck is parts.neck
    model.update_target(0.9)
    assert set(model.loss(*random_batch(4))) == {'loss_pos', 'loss_neg'}


def test_a_backbone_that_cannot_encode_visible_patches_is_refused():
    parts = tiny_model()
    stock = dict(type='VisionTransformer', arch='deit-tiny')
    with pytest.raises(InputError, match='VisionTransformer, which has no'):
        SiameseIM(stock, parts.neck, parts.head)
