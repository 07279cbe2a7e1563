"""Stock parts that a training would not use as meant."""

import pytest
from mmengine.config import Config
from mmengine.optim import OptimWrapper
from mmengine.runner import IterBasedTrainLoop

from siameseim.checkpoints import SafeCheckpointHook
from siameseim.datasets import ViewPreprocessor
from siameseim.errors import InputError
from siameseim.launch.stock_parts import check_stock_parts
from siameseim.launch.train_config import check_parts
from tests.transfer_fixtures import ROOT, tool

ITERATIONS = dict(type='IterBasedTrainLoop', max_iters=9)
STOCK = dict(
    type='SelfSupDataPreprocessor', mean=[1, 2, 3], std=[4, 5, 6], to_rgb=True
)
PLATEAU = dict(type='ReduceOnPlateauLR', monitor='loss')


@pytest.fixture
def cfg():
    return Config.fromfile(ROOT / 'configs/siameseim_smoke.py')


@pytest.mark.parametrize(
    'loop',
    [
        ITERATIONS,
        dict(type=IterBasedTrainLoop, max_iters=9),
        dict(type='mmengine.IterBasedTrainLoop', max_iters=9),
        dict(by_epoch=False, max_iters=9, max_epochs=2),
    ],
)
def test_a_loop_of_iterations_names_the_epochs(cfg, loop):
    cfg.train_cfg = loop
    with pytest.raises(InputError, match='max_iters.* give .*max_epochs or'):
        check_stock_parts(cfg)


def test_a_preprocessor_beside_the_models_own_is_refused(cfg):
    cfg.data_preprocessor = dict(mean=[0, 0, 0])
    with pytest.raises(InputError, match='set model.data_preprocessor.mean$'):
        check_stock_parts(cfg)


def test_an_inherited_preprocessor_is_given_up_by_none(cfg):
    cfg.data_preprocessor = dict(mean=[0, 0, 0])
    with pytest.raises(InputError, match='give data_preprocessor=None'):
        check_stock_parts(cfg)
    cfg.data_preprocessor = None
    assert check_stock_parts(cfg) is None


def test_a_preprocessor_that_was_handed_to_the_model_passes(cfg):
    cfg.data_preprocessor = dict(mean=cfg.model.data_preprocessor.mean)
    assert check_stock_parts(cfg) is None


def test_a_stock_preprocessor_swaps_no_colours_of_views(cfg):
    cfg.model.data_preprocessor = STOCK
    with pytest.raises(InputError, match='to_rgb=True .* swap red and blue'):
        check_stock_parts(cfg)


def test_a_stock_preprocessor_without_an_order_passes(cfg):
    cfg.model.data_preprocessor = {**STOCK, 'to_rgb': False}
    assert check_stock_parts(cfg) is None


@pytest.mark.parametrize('kind', ['RepeatDataset', 'CustomDataset'])
def test_a_stock_data_set_is_sent_into_that_of_pretraining(cfg, kind):
    cfg.train_dataloader.dataset = dict(type=kind)
    cure = f"'{kind}' .* put the other in train_dataloader.dataset.dataset"
    with pytest.raises(InputError, match=cure):
        check_stock_parts(cfg)


@pytest.mark.parametrize('kind', ['OptimWrapper', 'AmpOptimWrapper'])
def test_a_stock_wrapper_names_ours(cfg, kind):
    cfg.optim_wrapper.type = kind
    with pytest.raises(InputError, match=f"'{kind}' .* AutocastOptimWrapper"):
        check_stock_parts(cfg)


def test_a_wrapper_of_ones_own_passes(cfg):
    """It may tell hooks by attributes of the object alone."""

    class Own(OptimWrapper):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.accumulation, self.skipped = 1, None

    cfg.optim_wrapper.type = Own
    assert check_stock_parts(cfg) is None


def test_a_preprocessor_of_ones_own_may_make_the_changes_left_to_it(cfg):
    cfg.model.data_preprocessor.type = type('Own', (ViewPreprocessor,), {})
    steps = cfg.train_dataloader.dataset.pipeline
    steps.insert(1, dict(type='ViewPhotometric', view=1, on_device=True))
    assert check_stock_parts(cfg) is None


@pytest.mark.parametrize('schedule', [PLATEAU, [PLATEAU], (PLATEAU,)])
def test_a_schedule_that_waits_for_validation_is_refused(cfg, schedule):
    cfg.param_scheduler = schedule
    with pytest.raises(InputError, match='it waits for a validation loop'):
        check_stock_parts(cfg)


def test_several_schedules_in_a_tuple_pass(cfg):
    """As mmengine builds them."""
    cfg.param_scheduler = (dict(type='LinearLR'), dict(type='ExponentialLR'))
    assert check_stock_parts(cfg) is None


def test_a_saver_of_ones_own_chooses_as_it_likes(cfg):
    own = type('KnnSaver', (SafeCheckpointHook,), {})
    cfg.default_hooks.checkpoint = dict(type=own, save_best='knn')
    assert check_stock_parts(cfg) is None


def test_another_runner_is_refused(cfg):
    cfg.runner_type = 'FlexibleRunner'
    with pytest.raises(InputError, match="'FlexibleRunner' .* leave it out"):
        check_parts(cfg)


@pytest.mark.parametrize(
    'file',
    [
        'siameseim_smoke.py',
        # layer-wise decay, whose stock constructor does not look
        'classification/siameseim_vitb_finetune_8xb128-100e_food101.py',
    ],
)
def test_an_optimizer_that_is_not_installed_is_named(file):
    cfg = Config.fromfile(ROOT / 'configs' / file)
    cfg.optim_wrapper.optimizer.type = 'Sophia'
    with pytest.raises(InputError, match="type='Sophia' is no .* installed$"):
        check_parts(cfg)


def test_the_mistake_is_told_by_the_tool(tmp_path):
    """Before the parts are built, whose own errors would hide it."""
    images = tmp_path / 'images'
    images.mkdir()
    option = ('--cfg-options', 'train_cfg.by_epoch=False')
    file = str(ROOT / 'configs/siameseim_smoke.py')
    work = ('--work-dir', str(tmp_path / 'work'))
    with pytest.raises(SystemExit, match='counts iterations'):
        tool('train').main([file, '--data', str(images), *work, *option])
