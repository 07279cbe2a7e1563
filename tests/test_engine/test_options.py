"""What a config file and a failed build say of a user's mistake."""

from argparse import Namespace
from pathlib import Path

import pytest
from mmengine.config import Config
from mmpretrain.registry import TRANSFORMS
from torch.optim import SGD

from siameseim.engine.config_errors import missing_toolbox, unknown_setting
from siameseim.engine.options import misspelt, read_config
from siameseim.errors import InputError
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


@pytest.mark.parametrize(
    ('line', 'stack'),
    [('import einops_not_there', False), ('import mmdet.not_there', True)],
)
def test_the_import_that_failed_is_named(line, stack, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / 'own_module.py').write_text(line)
    (tmp_path / 'mine.py').write_text(
        "custom_imports = dict(imports=['own_module'])"
    )
    with pytest.raises(ImportError) as error:
        Config.fromfile(tmp_path / 'mine.py')
    text = missing_toolbox(error.value)
    name = line.split()[1]
    assert f"Failed to import own_module: No module named '{name}'" in text
    assert ('tools/setup_env.py' in text) == stack


def test_a_type_that_nobody_registered_is_named():
    with pytest.raises(KeyError) as error:
        TRANSFORMS.build(dict(type='TopHiden'))
    assert unknown_setting(error.value) == (
        'error: a type is not known: TopHiden is not in the mmpretrain::'
        'transform registry: check its spelling, and that custom_imports '
        'names the module that registers it'
    )


def test_other_missing_keys_are_no_settings():
    with pytest.raises(KeyError, match='img'):
        unknown_setting(KeyError('img'))


def test_a_setting_of_the_type_before_names_delete():
    with pytest.raises(TypeError) as error:
        SGD([], lr=1.0, betas=(0.9, 0.95))
    assert unknown_setting(error.value).endswith(
        "'betas'. If the config inherits it from a part of another type, add "
        '_delete_=True beside the type'
    )
