"""Weight decay groups against an explicit rule, and fused against plain."""

import copy

import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.optim import build_optim_wrapper
from mmpretrain.registry import MODELS
from torch import nn

from siameseim.engine import param_groups
from siameseim.engine.layer_decay import BackboneLayerDecay
from siameseim.engine.param_groups import merge_groups
from siameseim.errors import InputError
from tests.model_fixtures import tiny_model

PARAMWISE = dict(bias_decay_mult=0.0, flat_decay_mult=0.0)


def make_config(**optimizer):
    return dict(
        type='mmpretrain.AutocastOptimWrapper',
        constructor='mmpretrain.GroupedOptimWrapperConstructor',
        clip_grad=dict(max_norm=1.0),
        optimizer=dict(type='AdamW', lr=0.1, weight_decay=0.05, **optimizer),
        paramwise_cfg=PARAMWISE,
    )


def groups_of(model, config):
    return build_optim_wrapper(model, config).optimizer.param_groups


def test_decay_of_every_parameter_follows_the_rule():
    """Section 6: all but biases and 1-D tensors; frozen ones are left out."""
    model, tokens = tiny_model(), 0
    found = {
        id(param): group['weight_decay']
        for group in groups_of(model, make_config())
        for param in group['params']
    }
    for name, param in model.named_parameters():
        if not param.requires_grad:
            assert id(param) not in found, name
            continue
        exempt = name.endswith('bias') or param.ndim == 1
        assert found[id(param)] == (0.0 if exempt else 0.05), name
        tokens += name.endswith(('cls_token', 'mask_token')) and not exempt
    assert tokens == 2


def test_there_are_two_groups_of_plain_dicts():
    groups = groups_of(tiny_model(), ConfigDict(make_config()))
    assert [type(group) for group in groups] == [dict, dict]


def test_merge_keeps_order_and_settings():
    a, b, c = (nn.Parameter(torch.zeros(1)) for _ in range(3))
    merged = merge_groups(
        [
            dict(params=[a], weight_decay=0.0),
            dict(params=[b], weight_decay=0.1),
            dict(params=[c], weight_decay=0.0),
        ]
    )
    assert [group['weight_decay'] for group in merged] == [0.0, 0.1]
    assert [id(p) for p in merged[0]['params']] == [id(a), id(c)]


def test_what_nothing_reads_is_refused():
    config = make_config()
    config['paramwise_cfg'] = dict(custom_key=dict(body=dict(lr_mult=0.1)))
    with pytest.raises(InputError, match=r"\['custom_key'\].*custom_keys"):
        build_optim_wrapper(nn.Linear(2, 2), config)


@pytest.mark.parametrize(
    ('key', 'meant'),
    [
        ('bdoy', ', such as scale: did you mean body?'),
        ('body.wieght', ': did you mean body.weight?'),
        ('neck', ', such as scale'),
    ],
)
def test_a_custom_key_of_no_parameter_is_refused(key, meant):
    model = nn.ModuleDict(dict(body=nn.Linear(2, 2)))
    model.register_parameter('scale', nn.Parameter(torch.ones(1)))
    config = make_config()
    for fitting in ('body.w', '.scale'):
        config['paramwise_cfg'] = dict(custom_keys={fitting: {}})
        build_optim_wrapper(model, config)
    config['paramwise_cfg'] = dict(custom_keys={key: dict(lr_mult=0.1)})
    with pytest.raises(InputError) as error:
        build_optim_wrapper(model, config)
    assert f'custom_keys has {key!r}' in str(error.value)
    assert str(error.value).endswith(meant)


def test_learning_rates_may_differ_and_the_log_tells(monkeypatch):
    lines = []
    monkeypatch.setattr(param_groups, 'tell', lines.append)
    model = nn.ModuleDict(dict(body=nn.Linear(2, 2), head=nn.Linear(2, 2)))
    config = make_config()
    build_optim_wrapper(model, config)
    assert not any('learning rate' in line for line in lines)
    lines.clear()
    config['paramwise_cfg'] = dict(custom_keys=dict(body=dict(lr_mult=0.1)))
    groups = groups_of(model, config)
    assert [group['lr'] for group in groups] == pytest.approx([0.01, 0.1])
    assert [line.rpartition(', ')[2] for line in lines] == [
        'learning rate 0.01',
        'learning rate 0.1',
    ]


def test_an_optimizer_that_is_not_registered_is_named():
    config = make_config()
    config['optimizer'] = dict(type='AdamWW', lr=0.1, weight_decay=0.1)
    with pytest.raises(InputError, match="type='AdamWW'.*did you mean AdamW"):
        build_optim_wrapper(nn.Linear(2, 2), config)


@pytest.mark.parametrize(
    ('kind', 'own'), [('SGD', 0.0), ('AdamW', 0.01), ('Rprop', 0.0)]
)
def test_a_weight_decay_that_is_not_stated_is_the_optimizers(kind, own):
    config = make_config()
    config['optimizer'] = dict(type=kind, lr=0.1)
    keys = dict(weight=dict(decay_mult=0.5))
    config['paramwise_cfg'] = dict(PARAMWISE, custom_keys=keys)
    groups = groups_of(nn.Sequential(nn.Linear(2, 2)), config)
    decays = {group['weight_decay'] for group in groups}
    assert decays == {0.0, own / 2}  # of the bias and the weight


def test_fused_is_used_and_equals_the_plain_update():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 16), nn.Linear(16, 4))
    twin = copy.deepcopy(model)
    fused = build_optim_wrapper(model, make_config())
    plain = build_optim_wrapper(twin, make_config(fused=False, foreach=False))
    assert fused.optimizer.defaults['fused']
    for _ in range(5):
        x = torch.randn(4, 8)
        fused.update_params(model(x).square().sum())
        plain.update_params(twin(x).square().sum())
    ours, theirs = model.state_dict(), twin.state_dict()
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-7)


def test_foreach_is_used_where_the_config_asks_for_it():
    wrapper = build_optim_wrapper(tiny_model(), make_config(foreach=True))
    assert wrapper.optimizer.defaults['foreach']
    assert not wrapper.optimizer.defaults['fused']


def test_layer_decay_builds_adamw_fused_too():
    model = nn.Module()
    model.backbone = MODELS.build(
        dict(type='SiameseIMViT', arch='tiny', img_size=32, patch_size=16)
    )
    cfg = dict(optimizer=dict(type='AdamW', lr=1.0, weight_decay=0.1))
    decay = dict(layer_decay_rate=0.5)
    wrapper = BackboneLayerDecay(cfg, decay)(model)
    assert wrapper.optimizer.defaults['fused']
    cfg['optimizer']['fused'] = False
    wrapper = BackboneLayerDecay(cfg, decay)(model)
    assert not wrapper.optimizer.defaults['fused']


@pytest.mark.parametrize('fused', [True, False])
def test_a_state_of_the_other_kernel_can_be_gone_on_from(fused):
    """As of a checkpoint that was written before the kernel changed."""

    def wrapper_of(model, fused):
        cfg = make_config(fused=fused)
        return build_optim_wrapper(model, cfg)

    def step(model, wrapper):
        wrapper.update_params(model(torch.ones(2, 3)).square().sum())

    torch.manual_seed(0)
    model = nn.Linear(3, 3)
    wrapper = wrapper_of(model, not fused)
    step(model, wrapper)
    other = copy.deepcopy(model)
    resumed = wrapper_of(other, fused)
    resumed.load_state_dict(copy.deepcopy(wrapper.state_dict()))
    assert {g['fused'] for g in resumed.optimizer.param_groups} == {fused}
    for each in ((model, wrapper), (other, resumed)):
        step(*each)
    torch.testing.assert_close(other.weight, model.weight)


def test_what_a_schedule_moved_goes_on_from_there():
    """As the rate does, and any other setting that one began to move."""
    model = nn.Linear(3, 3)
    saved = build_optim_wrapper(model, make_config()).state_dict()
    for group in saved['param_groups']:
        group.update(lr=0.25, initial_lr=0.5, weight_decay=0.125)
        group.update(initial_weight_decay=0.75, betas=(0.5, 0.5))
    wrapper = build_optim_wrapper(model, make_config())
    own = {group['betas'] for group in wrapper.optimizer.param_groups}
    wrapper.load_state_dict(saved)
    for group in wrapper.optimizer.param_groups:
        assert (group['lr'], group['initial_lr']) == (0.25, 0.5)
        assert group['weight_decay'] == 0.125
        assert group['initial_weight_decay'] == 0.75
    assert {g['betas'] for g in wrapper.optimizer.param_groups} == own
