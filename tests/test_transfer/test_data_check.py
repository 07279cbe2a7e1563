"""What is said before the first step of data and model."""

from types import SimpleNamespace

import pytest
from mmengine.config import Config
from mmengine.model import ImgDataPreprocessor
from torch import nn

from siameseim.convert.normalisation import IMAGENET, attach
from siameseim.errors import InputError
from siameseim.transfer import data_check
from siameseim.transfer.whole_checkpoint import WholeCheckpointHook
from tests.two_processes import run_in_two


def refusal(rank, when):
    """What a process says that sees 30 images, or in rank 1 one fewer."""
    loop = SimpleNamespace(
        dataloader=SimpleNamespace(dataset=range(30 - rank))
    )
    runner = SimpleNamespace(
        model=nn.Module(),
        val_loop=loop,
        test_loop=loop,
        hooks=[],
        cfg=Config(dict(work_dir='no such folder')),
    )
    try:
        getattr(WholeCheckpointHook(), when)(runner)
    except InputError as error:
        return str(error)


@pytest.mark.parametrize('when', ['before_train', 'before_test'])
def test_processes_that_would_measure_on_other_images_are_refused(when):
    for message in run_in_two(refusal, when):
        assert 'number of images to measure on is [30, 29] on' in message


class Check(data_check.DataCheckHook):
    def check_dataset(self, dataset, model):
        pass


@pytest.mark.parametrize(
    'hooks',
    [[Check()], [WholeCheckpointHook()], [Check(), WholeCheckpointHook()]],
)
def test_other_values_than_those_of_pretraining_are_told_of_once(
    monkeypatch, tmp_path, hooks
):
    """The toolboxes' own tools run the configs' hooks alone, ours both."""
    said = []
    monkeypatch.setattr('siameseim.convert.normalisation.warn', said.append)
    model = nn.Module()
    model.backbone = nn.Identity()
    attach(model.backbone, IMAGENET)
    model.data_preprocessor = ImgDataPreprocessor([127.5] * 3, [127.5] * 3)
    loader = SimpleNamespace(dataset=[])
    runner = SimpleNamespace(
        model=model,
        train_dataloader=loader,
        val_loop=None,
        hooks=hooks,
        cfg=Config(dict(work_dir=str(tmp_path))),
        iter=0,
        max_iters=1,
    )
    for hook in hooks:
        hook.before_train(runner)
    assert len(said) == 1
