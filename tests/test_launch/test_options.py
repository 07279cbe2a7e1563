"""Names that a config file sets."""

from argparse import Namespace
from pathlib import Path

import pytest

from siameseim.errors import InputError
from siameseim.launch.options import (
    add_options,
    command_line,
    misspelt,
    read_config,
)
from tests.transfer_fixtures import ROOT


@pytest.mark.parametrize(
    ('line', 'name', 'meant'),
    [
        ('optim_wraper = dict(lr=1)', 'optim_wraper', 'optim_wrapper'),
        ('param_schedulers = dict()', 'param_schedulers', 'param_scheduler'),
        ('custom_hook = []', 'custom_hook', 'custom_hooks'),
        ('modle = dict()', 'modle', 'model'),
        ('max_epochs = 1', 'max_epochs', 'train_cfg.max_epochs'),
        ('lr = 1e-3', 'lr', 'optim_wrapper.optimizer.lr'),
    ],
)
def test_a_misspelt_name_of_a_file_is_refused(line, name, meant, tmp_path):
    path = tmp_path / 'mine.py'
    path.write_text(f'{line}\n')
    with pytest.raises(InputError) as error:
        read_config(Namespace(config=str(path), cfg_options={}))
    assert str(error.value) == (
        f'{path} sets {name}, which nothing reads: did you mean {meant}?'
    )


def with_level(level, tmp_path):
    """Reads a config of which the command line changes the log level."""
    path = tmp_path / 'mine.py'
    path.write_text('log_level = "INFO"\n')
    options = dict(log_level=level)
    return read_config(Namespace(config=str(path), cfg_options=options))


def test_a_log_level_that_is_none_names_those_that_are(tmp_path):
    with pytest.raises(InputError, match="'info' of .* one of DEBUG, INFO,"):
        with_level('info', tmp_path)


@pytest.mark.parametrize('level', ['DEBUG', 'WARN', 10])
def test_a_log_level_is_a_name_or_a_number(level, tmp_path):
    assert with_level(level, tmp_path).log_level == level


@pytest.mark.parametrize(
    'text',
    [
        'crop = 3',  # near to nothing
        'max_epochs = 1\ntrain_cfg = dict(max_epochs=max_epochs)',  # read
        'max_epochs = 1\ntrain_cfg = dict(max_epochs=1)',  # as mmengine dumps
        'conv_cfg = None\nenv_cfg = dict()',
        'seed = dict(seed={{$SEED:3}})',  # mmengine's own syntax
    ],
)
def test_names_of_ones_own_are_free(text):
    assert misspelt(text) == {}


def test_names_of_shipped_and_stock_configs_are_free():
    """Three of mmdet's and mmseg's set what in truth changes nothing."""
    boxes = [pytest.importorskip(n) for n in ('mmdet', 'mmpretrain', 'mmseg')]
    stock = [Path(box.__file__).parent / '.mim/configs' for box in boxes]
    folders = [ROOT / 'configs', *stock]
    files = [file for folder in folders for file in folder.rglob('*.py')]
    assert len(files) > 2000
    found = {file: misspelt(file.read_text('utf-8')) for file in files}
    mistaken = [file for file, names in found.items() if names]
    assert sorted(name for file in mistaken for name in found[file]) == [
        *('max_iters', 'max_iters'),  # mask-rcnn_..._32xb2-ssj(-scp)-90k
        'models',  # bisenetv2_..._4xb4-ohem
    ]
    for file in mistaken:  # not the user's to mend
        assert '.mim' in file.parts
        read_config(Namespace(config=str(file), cfg_options={}))


def test_a_setting_that_lost_its_shell_variable_says_so(capsys):
    parser = command_line('')
    add_options(parser)
    with pytest.raises(SystemExit):
        parser.parse_args(['--cfg-options', '.1.blur_prob=0.0'])
    said = capsys.readouterr().err
    assert "'.1.blur_prob=0.0' begins with a dot: if a shell variable" in said
