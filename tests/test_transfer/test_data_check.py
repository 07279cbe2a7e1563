"""What is said before the first step of data and model."""

from types import SimpleNamespace

import pytest
from mmcv.transforms import ImageToTensor, Normalize
from mmengine.config import Config
from mmengine.dataset import BaseDataset, Compose
from mmengine.model import ImgDataPreprocessor
from torch import nn

from siameseim.errors import InputError
from siameseim.layouts.normalisation import IMAGENET, attach
from siameseim.transfer import data_check
from siameseim.transfer.whole_checkpoint import WholeCheckpointHook
from tests.two_processes import run_in_two


class Files(BaseDataset):
    """A stock data set of paths."""

    def __init__(self, paths):
        self.paths = paths
        super().__init__()

    def load_data_list(self):
        return [dict(img_path=path) for path in self.paths]


def refusal(rank, when, paths):
    """What a process says that sees those images of its rank."""
    loop = SimpleNamespace(
        dataloader=SimpleNamespace(dataset=Files(paths[rank]))
    )
    runner = SimpleNamespace(
        model=nn.Module(),
        train_dataloader=SimpleNamespace(dataset=[]),
        val_loop=loop,
        test_loop=loop,
        hooks=[],
        cfg=Config(dict(work_dir='no such folder')),
    )
    try:
        getattr(WholeCheckpointHook(), when)(runner)
    except InputError as error:
        return str(error)


@pytest.mark.parametrize(
    ('when', 'paths', 'said'),
    [
        (
            'before_train',
            (['1.png', '2.png'], ['1.png']),
            'number of images to measure on is [2, 1] on',
        ),
        (
            'before_test',
            (['1.png'], ['2.png']),
            'names of the images to measure on, as a hash, is [',
        ),
    ],
)
def test_processes_that_would_measure_on_other_images_are_refused(
    when, paths, said
):
    for message in run_in_two(refusal, when, paths):
        assert f'the processes differ: {said}' in message


class Check(data_check.DataCheckHook):
    def check_dataset(self, dataset, model):
        pass


@pytest.fixture
def said(monkeypatch):
    """What is told of images of other values."""
    texts = []
    monkeypatch.setattr('siameseim.layouts.normalisation.warn', texts.append)
    return texts


def begin(hooks, preprocessor, dataset, work_dir):
    """Begin a training of a backbone that was trained on ImageNet's."""
    model = nn.Module()
    model.backbone = nn.Identity()
    attach(model.backbone, IMAGENET)
    model.data_preprocessor = preprocessor
    runner = SimpleNamespace(
        model=model,
        train_dataloader=SimpleNamespace(dataset=dataset),
        val_loop=None,
        hooks=hooks,
        cfg=Config(dict(work_dir=str(work_dir))),
        iter=0,
        max_iters=1,
    )
    for hook in hooks:
        hook.before_train(runner)


@pytest.mark.parametrize(
    'hooks',
    [[Check()], [WholeCheckpointHook()], [Check(), WholeCheckpointHook()]],
)
def test_other_values_than_those_of_pretraining_are_told_of_once(
    said, tmp_path, hooks
):
    """The toolboxes' own tools run the configs' hooks alone, ours both."""
    other = ImgDataPreprocessor([127.5] * 3, [127.5] * 3)
    begin(hooks, other, [], tmp_path)
    assert len(said) == 1


@pytest.mark.parametrize('hook', [Check(), WholeCheckpointHook()])
@pytest.mark.parametrize('normalises', [True, False])
def test_nothing_is_told_where_transforms_normalise(
    said, tmp_path, hook, normalises
):
    step = Normalize(*IMAGENET) if normalises else ImageToTensor(['img'])
    part = SimpleNamespace(pipeline=Compose([step]))
    begin(
        [hook], ImgDataPreprocessor(), SimpleNamespace(dataset=part), tmp_path
    )
    assert bool(said) != normalises
