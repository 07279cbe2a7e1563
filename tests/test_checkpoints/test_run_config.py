"""What a resume would change, read from the text of two configs."""

import pytest

from siameseim.checkpoints.run_config import changed_settings

THEN = """
custom_hooks = [dict(base_momentum=0.99, type='MomentumTargetHook')]
model = dict(head=dict(negative_weight=0.02, type='Head'), type='SiameseIM')
optim_wrapper = dict(optimizer=dict(betas=(0.9, 0.95), lr=0.001))
train_cfg = dict(by_epoch=True, max_epochs=3)
train_dataloader = dict(
    dataset=dict(
        dataset=dict(pipeline=[dict(keep=3)]),
        pipeline=[dict(size=64, type='TwoViews'), ]),
    num_workers=2)
work_dir = 'there'
"""


@pytest.mark.parametrize(
    ('old', 'new', 'told'),
    [
        (
            'lr=0.001',
            'lr=0.002',
            'optim_wrapper.optimizer.lr was 0.001, now is 0.002',
        ),
        (
            'negative_weight=0.02, ',
            '',
            'model.head.negative_weight was 0.02, now is not set',
        ),
        (
            '0.95)',
            '0.99)',
            'optim_wrapper.optimizer.betas.1 was 0.95, now is 0.99',
        ),
        (
            'size=64',
            'size=32',
            'train_dataloader.dataset.pipeline.0.size was 64, now is 32',
        ),
        (
            'keep=3',
            'keep=4',
            'train_dataloader.dataset.dataset.pipeline.0.keep was 3, now is 4',
        ),
        (
            '0.99,',
            '0.9,',
            'custom_hooks.0.base_momentum was 0.99, now is 0.9',
        ),
    ],
)
def test_a_changed_setting_is_told(old, new, told):
    now = THEN.replace(old, new)
    (found,) = changed_settings(THEN, now)
    assert found == told


@pytest.mark.parametrize(
    ('old', 'new'),
    [
        ('', ''),
        ('num_workers=2', 'num_workers=8'),
        ('there', 'here'),
        ('model = dict(', 'model = dict(backbone=dict(with_cp=True), '),
        ('model = dict(', "model = dict(neck=dict(init_cfg='other'), "),
    ],
)
def test_what_changes_no_result_is_not_told(old, new):
    assert changed_settings(THEN, THEN.replace(old, new)) == []


def test_a_config_is_not_run():
    now = THEN.replace('0.02', "__import__('os').abort()")
    (found,) = changed_settings(THEN, now)
    assert 'abort' in found
