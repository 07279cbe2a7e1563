"""Which images are blamed for a step that is not finite."""

import json
from types import SimpleNamespace

import pytest
import torch

from siameseim.engine import guard_hook
from siameseim.engine.guard_hook import SKIPPED_FILE, NonFiniteGuardHook
from siameseim.engine.suspects import Step, odd_images, suspects
from siameseim.models.siameseim import StepFeatures
from tests.model_fixtures import random_batch, tiny_model


class _Images:
    def get_data_info(self, index):
        return dict(img_path=f'folder/{index}.png')


@pytest.mark.parametrize(
    ('broke', 'what', 'images'),
    [
        (True, 'loss', ['other/9.png']),
        (False, 'gradient', ['folder/1.png', 'folder/2.png', 'other/9.png']),
    ],
)
def test_only_the_images_of_the_broken_process_are_blamed(
    tmp_path, monkeypatch, broke, what, images
):
    """Two ranks as all_gather_object returns them; only rank 1 may have."""
    loader = SimpleNamespace(dataset=SimpleNamespace(dataset=_Images()))
    messages = []
    runner = SimpleNamespace(
        iter=0,
        work_dir=str(tmp_path),
        train_dataloader=loader,
        logger=SimpleNamespace(warning=messages.append),
    )
    none = torch.zeros(2, dtype=torch.bool)
    mine = Step(5, [torch.tensor(1.0)], [[1, 2]], [none])
    monkeypatch.setattr(
        guard_hook,
        'all_gather_object',
        lambda own: [own, [(broke, ['other/9.png'])]],
    )
    hook = NonFiniteGuardHook()
    hook.skips = 0
    hook._report(runner, [mine])
    line = json.loads((tmp_path / SKIPPED_FILE).read_text())
    assert line['images'] == images
    assert line['not_finite'] == what
    assert 'other/9.png' in messages[0]
    assert hook.skips == 1


def test_the_image_that_broke_a_step_is_blamed_alone():
    """Though BatchNorm carries what is not finite to all of them."""
    model = tiny_model().train()
    model.update_target(0.9)
    views, samples = random_batch(4)
    views[1][2, 0, 0, 0] = float('inf')
    loss = sum(model(views, samples, mode='loss').values())
    loader = SimpleNamespace(dataset=SimpleNamespace(dataset=_Images()))
    runner = SimpleNamespace(model=model, train_dataloader=loader)
    odd = odd_images(runner, 4)
    step = Step(1, [loss.detach()], [[5, 6, 7, 8]], [odd])
    assert not model.step_features.projected.isfinite().any()
    assert suspects(runner, step) == (2, ['folder/7.png'])


def test_swapped_views_are_of_the_same_images():
    zeros = torch.zeros(6, 5, 4)  # three images, both ways
    broken = zeros.clone()
    broken[4, 3, 2] = float('nan')
    features = StepFeatures(zeros, broken, zeros, zeros)
    runner = SimpleNamespace(model=SimpleNamespace(step_features=features))
    assert odd_images(runner, 3).tolist() == [False, True, False]
