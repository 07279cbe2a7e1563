"""Words on a command line where a config has numbers and switches."""

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
            model=dict(with_cp=True),
            launcher='none',
            custom_hooks=[dict(priority=50, interval=9)],
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
        ('custom_hooks.0.interval', 'none', 'None'),
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
    ('name', 'cure'),
    [
        ('train_cfg.max_epochs', ', but it must be a number'),
        ('train_dataloader.batch_size', ', but it must be a number'),
        ('resume', ': write resume=True or resume=False'),
    ],
)
def test_a_word_that_is_no_number_is_refused(name, cure):
    with pytest.raises(InputError) as error:
        merge_options(a_config(), {name: 'two'})
    assert str(error.value) == (
        f"--cfg-options {name}=two would be the text 'two'{cure}"
    )


@pytest.mark.parametrize(
    ('name', 'value'),
    [
        ('launcher', 'none'),  # a text already
        ('model.loss.reduction', 'none'),  # nowhere, and means a text
        ('custom_hooks.0.priority', 'LOW'),
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
