"""A step that is not finite names the files that it saw."""

import json

import pytest
from mmengine.hooks import Hook
from mmpretrain.registry import HOOKS

from siameseim.datasets.source_image import SourceImage
from siameseim.engine.guard_hook import SKIPPED_FILE

BATCH, SPOILT = 4, 2  # images a step; iteration, from 0


@HOOKS.register_module()
class SpoilIteration(Hook):
    """Has one iteration compute with a token that is not a number."""

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        self.token = runner.model.backbone.cls_token.data
        self.kept = self.token.clone()
        if runner.iter == SPOILT:
            self.token.fill_(float('nan'))

    def after_train_iter(self, runner, batch_idx, **kwargs):
        if runner.iter == SPOILT:
            self.token.copy_(self.kept)


@pytest.fixture
def loaded(monkeypatch):
    """Files in the order in which this process opens them."""
    paths = []
    original = SourceImage.from_data_info

    def recorded(info):
        paths.append(info['img_path'])
        return original(info)

    monkeypatch.setattr(SourceImage, 'from_data_info', recorded)
    return paths


def test_the_files_of_a_skipped_step_are_listed(start, loaded):
    work = start(
        "custom_hooks = [*_base_.custom_hooks, dict(type='SpoilIteration')]"
    )
    (line,) = map(json.loads, (work / SKIPPED_FILE).read_text().splitlines())
    assert line['iteration'] == SPOILT + 1
    assert line['images'] == loaded[SPOILT * BATCH : (SPOILT + 1) * BATCH]
    assert len(set(line['images'])) == BATCH
