"""What is said before the first step of data and model."""

from types import SimpleNamespace

from mmengine.model import ImgDataPreprocessor
from torch import nn

from siameseim.convert.normalisation import IMAGENET, attach
from siameseim.transfer import data_check


class Check(data_check.DataCheckHook):
    def check_dataset(self, dataset, model):
        pass


def test_other_values_than_those_of_pretraining_are_told_of(monkeypatch):
    """Also by the toolboxes' own tools, which run the configs' hooks only."""
    said = []
    monkeypatch.setattr(
        'siameseim.convert.normalisation.print_log',
        lambda text, **_: said.append(text),
    )
    model = nn.Module()
    model.backbone = nn.Identity()
    attach(model.backbone, IMAGENET)
    model.data_preprocessor = ImgDataPreprocessor([127.5] * 3, [127.5] * 3)
    loader = SimpleNamespace(dataset=[])
    runner = SimpleNamespace(
        model=model, train_dataloader=loader, val_loop=None
    )
    Check().before_train(runner)
    assert len(said) == 1
