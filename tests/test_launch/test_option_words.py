"""Words on a command line where a setting takes none."""

import pytest
from mmengine.config import Config

from siameseim.errors import InputError
from siameseim.launch.options import merge_options


def a_config():
    """With a switch, numbers, texts, nothing, and a list."""
    return Config(
        dict(
            default_hooks=dict(graph=dict(enabled='auto')),
            train_cfg=dict(max_epochs=3, dynamic_intervals=None),
            optim_wrapper=dict(loss_scale=512.0, optimizer=dict(lr=1e-3)),
            model=dict(with_cp=True, frozen_stages=-1),
            launcher='none',
            custom_hooks=[dict(priority=50, interval=9)],
            log_processor=dict(custom_cfg=[dict(window_size=10)]),
        )
    )


@pytest.mark.parametrize(
    ('name', 'word', 'cure'),
    [
        ('model.with_cp', 'Yes', 'True'),
        ('default_hooks.graph.enabled', 'off', 'False'),
        ('model.backbone.with_cp', 'no', 'False'),  # nowhere in the config
        ('train_cfg.max_epochs', 'none', 'None'),
        ('train_cfg.dynamic_intervals', 'null', 'None'),
        ('custom_hooks.0.interval', 'all', 'NUMBER, such as 9'),
        ('optim_wrapper.optimizer.lr', 'auto', 'NUMBER, such as 0.001'),
    ],
)
def test_a_word_names_what_to_write(name, word, cure):
    with pytest.raises(InputError) as error:
        merge_options(a_config(), {name: word})
    assert str(error.value) == (
        f'--cfg-options {name}={word} would be the text {word!r}: write '
        f'{name}={cure}'
    )


@pytest.mark.parametrize(
    ('name', 'value'),
    [
        ('launcher', 'none'),  # a text already
        ('model.loss.reduction', 'none'),  # nowhere, and means a text
        ('optim_wrapper.loss_scale', 'dynamic'),
        ('model.frozen_stages', 'all'),
        ('custom_hooks.0.priority', 'LOW'),
        ('log_processor.custom_cfg.0.window_size', 'epoch'),
        ('default_hooks.graph.enabled', False),
        ('train_cfg.dynamic_intervals', 'some'),
    ],
)
def test_other_values_are_set(name, value):
    cfg = a_config()
    merge_options(cfg, {name: value})
    for part in name.split('.'):
        cfg = cfg[int(part) if part.isdigit() else part]
    assert cfg == value
