"""Measures on a data set, and the hook that takes them around training."""

import copy
from types import SimpleNamespace

import pytest
import torch
from mmpretrain.registry import HOOKS, MODELS
from torch.testing import assert_close

import siameseim.datasets.sample_photos  # noqa: F401  registers SamplePhotos
from siameseim.evaluation.features import patch_features
from siameseim.evaluation.held_out import (
    knn_accuracy,
    load_batch,
    normalised,
    recognise_views,
)
from siameseim.evaluation.matching import match_views
from siameseim.evaluation.predicted import predict_view2, score_predictions
from siameseim.models.norm import layer_norm_fp32
from tests.model_fixtures import tiny_model
from tests.test_evaluation.plain import loop_predict

PACK = [
    dict(type='BlockMask', grid=4, num_masked=9, min_block=2),
    dict(type='PackTwoViews'),
]


def photos(**views):
    return dict(
        type='PretrainDataset',
        dataset=dict(type='SamplePhotos', split='held_out', stride=128),
        pipeline=[dict(type='TwoViews', size=32, **views), *PACK],
    )


WHOLE = photos(area=(1.0, 1.0), aspect=(1.0, 1.0), flip_prob=0)


@pytest.fixture(scope='module')
def model():
    torch.manual_seed(0)
    model = tiny_model(img_size=32, patch_size=8)
    model.data_preprocessor = MODELS.build(
        dict(type='SelfSupDataPreprocessor', mean=[100.0], std=[50.0])
    )
    return model


def test_a_batch_holds_every_sample_with_its_label():
    batch = load_batch(WHOLE)
    assert batch['inputs'][0].shape[1:] == (3, 32, 32)
    assert len(batch['labels']) == len(batch['inputs'][0])
    assert set(batch['labels'].tolist()) == set(range(16))


def matches_in(model, batch):
    views = normalised(model, batch)
    return match_views(model.backbone, views, batch['data_samples'])


def test_two_whole_views_match_patch_by_patch(model):
    batch = load_batch(WHOLE)
    matches = matches_in(model, batch)
    assert matches.found[0].tolist() == list(range(16))
    score = matches.score()
    assert score.accuracy == score.position == 1.0
    assert score.count == 16 * len(batch['labels'])


def test_matches_come_from_normalised_views(model):
    batch = load_batch(photos())
    first, second = (
        patch_features(model.backbone, (view.float() - 100) / 50)
        for view in batch['inputs']
    )
    cosines = torch.nn.functional.cosine_similarity(
        first[3, :, None], second[3, None], dim=-1
    )
    assert_close(matches_in(model, batch).found[3], cosines.argmax(dim=1))


def test_recognised_patches_are_nearest_to_the_centred_prediction(model):
    """A loop over the queries of one pair."""
    batch = load_batch(photos())
    recognised = recognise_views(model, batch)
    correct = recognised.matches.correct()
    model.eval()
    views, samples = normalised(model, batch), batch['data_samples']
    with torch.no_grad():
        asked = predict_view2(model, views[0], samples)[3]
        known = layer_norm_fp32(model.target(views[1]))[3]
    for query in range(16):
        cosines = [
            torch.nn.functional.cosine_similarity(
                asked[query] - asked.mean(0), patch - known.mean(0), dim=0
            )
            for patch in known
        ]
        best = int(torch.stack(cosines).argmax())
        assert recognised.matches.found[3, query] == best
        rows, columns = abs(best // 4 - query // 4), abs(best % 4 - query % 4)
        assert correct[3, query] == (max(rows, columns) <= 1)


def test_places_of_two_whole_views_are_the_same_patches(model):
    recognised = recognise_views(model, load_batch(WHOLE))
    assert recognised.queries[0].tolist() == list(range(16))


def test_a_query_is_the_nearest_patch_of_view_1(model):
    batch = load_batch(photos(flip_prob=0))
    queries = recognise_views(model, batch).queries.tolist()
    boxes = batch['data_samples']['boxes'].tolist()
    for found, (first, second) in zip(queries, boxes, strict=True):
        for patch, query in enumerate(found):
            nearest = []
            for axis, number in enumerate(divmod(patch, 4)):
                place = second[axis] + (number + 0.5) / 4 * second[2 + axis]
                place = 4 * (place - first[axis]) / first[2 + axis] - 0.5
                nearest.append(min(max(round(place), 0), 3))
            assert query == 4 * nearest[0] + nearest[1]


def test_knn_of_the_bank_itself_is_perfect_with_one_neighbour(model):
    batch = load_batch(WHOLE)
    assert knn_accuracy(model, batch, batch, k=1) == 1.0


def test_knn_is_of_first_views_centred_by_the_bank(model):
    bank, queries = load_batch(photos()), load_batch(WHOLE)
    known, asked = (
        patch_features(model.backbone, (view.float() - 100) / 50).mean(dim=1)
        for view in (bank['inputs'][0], queries['inputs'][0])
    )
    centre = known.mean(dim=0)
    labels = bank['labels'].tolist()
    voted = loop_predict(asked - centre, known - centre, labels, 16, 3, 0.1)
    right = (torch.tensor(voted) == queries['labels']).double().mean()
    found = knn_accuracy(model, bank, queries, k=3)
    assert found == pytest.approx(right.item())
    assert 0 < found < 1


def test_the_hook_measures_before_and_after(model):
    hook = HOOKS.build(
        dict(
            type='HeldOutHook', pairs=photos(), bank=WHOLE, queries=WHOLE, k=1
        )
    )
    lines = []
    runner = SimpleNamespace(
        model=model, logger=SimpleNamespace(info=lines.append)
    )
    state = torch.get_rng_state()
    hook.before_train(runner)
    hook.after_train(runner)
    assert torch.get_rng_state().equal(state)
    assert hook.before.knn == hook.after.knn == 1.0
    assert hook.before.matched == hook.after.matched
    assert [line.split(':')[0] for line in lines] == [
        'before training',
        'after training',
    ]


@pytest.mark.gpu
def test_a_gpu_finds_what_a_cpu_finds(model):
    batch = load_batch(photos())

    def measured(model):
        views = normalised(model, batch)
        return (
            score_predictions(model, views, batch['data_samples']),
            recognise_views(model, batch),
        )

    expected, found = measured(model), measured(copy.deepcopy(model).cuda())
    assert found[0].image == pytest.approx(expected[0].image, abs=0.01)
    assert found[0].place == pytest.approx(expected[0].place, abs=0.01)
    same = found[1].matches.found == expected[1].matches.found
    assert same.float().mean() > 0.99
