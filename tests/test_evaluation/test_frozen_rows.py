"""Whose images, options and weights the frozen measures are of."""

import argparse
import dataclasses
from types import SimpleNamespace

import pytest
import torch

from siameseim.evaluation import few_shot, frozen, frozen_suite
from siameseim.evaluation.feature_cache import NamedFeatures
from siameseim.evaluation.few_shot import draw_subset
from tests.test_evaluation.plain import loop_predict
from tests.vit_fixtures import prefixed, saved, tiny_vit


def features_of(seed, count=60):
    """Noise, whose labels can hardly be told."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % 3
    files = [f'{label}/{i}.png' for i, label in enumerate(labels.tolist())]
    rows = torch.randn(count, 6, generator=generator) + 1
    rows[:, 0] += labels
    return NamedFeatures(rows, labels, files, cls=rows.flip(1).square())


@pytest.fixture
def options(tmp_path):
    return SimpleNamespace(
        ks=[9], temperature=2.0, device='cpu', lists={0.5: None}, seed=3,
        out=tmp_path,
    )  # fmt: skip


def test_knn_classifies_the_images_asked_for(options):
    bank, queries = features_of(0), features_of(1)
    (row,) = frozen_suite.knn_rows(bank, queries, options, '')
    centre = bank.features.mean(dim=0)
    voted = loop_predict(
        queries.features - centre, bank.features - centre,
        bank.labels.tolist(), 3, 9, 2.0,
    )  # fmt: skip
    right = (torch.tensor(voted) == queries.labels).float().mean().item()
    assert row.value == pytest.approx(100 * right)


@pytest.mark.parametrize(('k', 'measured'), [(60, True), (61, False)])
def test_no_more_neighbours_than_images_are_asked(options, k, measured):
    options.ks = [k]
    bank, queries = features_of(0), features_of(1)
    (row,) = frozen_suite.knn_rows(bank, queries, options, '')
    assert (row.value is not None) == measured


def test_a_backbone_without_cls_token_has_one_few_shot_row(options):
    bank, queries = (
        dataclasses.replace(found, cls=found.features)
        for found in (features_of(0), features_of(1))
    )
    (row,) = frozen_suite.few_shot_rows(bank, queries, options, '')
    assert row.measure == 'few-shot 50 %, mean patch token'


def test_few_shot_learns_from_the_list_and_classifies_the_others(options):
    bank, queries = features_of(0), features_of(1)
    cls_row, mean_row = frozen_suite.few_shot_rows(bank, queries, options, '')
    assert mean_row.measure == f'{cls_row.measure}, mean patch token'
    listed = draw_subset(bank.files, bank.labels.tolist(), 0.5, seed=3)
    written = (options.out / '50percent_seed3.txt').read_text()
    assert written.split() == listed
    places = [bank.files.index(name) for name in listed]
    for row, known, asked in (
        (cls_row, bank.cls, queries.cls),
        (mean_row, bank.features, queries.features),
    ):
        model = few_shot.fit(known[places], bank.labels[places])
        right = model.predict(few_shot.prepare(asked))
        share = (torch.tensor(right) == queries.labels).float().mean().item()
        assert row.value == pytest.approx(100 * share)
    assert cls_row.value != mean_row.value


@pytest.mark.parametrize(
    ('labels', 'images', 'name'),
    [
        (12_811, 1_281_167, 'few-shot 1 %'),
        (97, 9_469, 'few-shot 1 %'),
        (10, 400, 'few-shot, 10 of 400 labels in place of 1 %'),
    ],
)
def test_few_shot_is_named_by_the_share_that_it_is(labels, images, name):
    assert frozen_suite._few_shot_name(0.01, labels, images) == name


@torch.no_grad()
def test_the_branch_and_size_of_the_command_line(tmp_path):
    online, target = tiny_vit(seed=1), tiny_vit(seed=2)
    state = prefixed('backbone.', online.state_dict())
    state |= prefixed('target.backbone.', target.state_dict())
    file = saved(tmp_path / 'a.pth', state)
    parser = argparse.ArgumentParser()
    frozen.add_arguments(parser)
    images = torch.randn(2, 3, 24, 24)
    for branch, wanted in (('online', online), ('target', target)):
        args = parser.parse_args(
            [
                file,
                '--branch',
                branch,
                '--image-size',
                '24',
                '--num-heads',
                '2',
            ]
        )
        cfg = frozen.from_arguments(args)
        backbone, _ = frozen.frozen_backbone(cfg, 'cpu')
        assert backbone.img_size == (24, 24)
        found = backbone.eval().encode(images)
        torch.testing.assert_close(found, wanted.encode(images))
