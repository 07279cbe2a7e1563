"""The whole suite on real images: every measure, in one table."""

import json
from types import SimpleNamespace
from unittest.mock import Mock

import pytest
import torch
from mmengine.config import Config
from mmengine.logging import MessageHub
from mmpretrain.registry import MODELS

from siameseim.evaluation import frozen_suite, linear_probe
from siameseim.evaluation.frozen import backbone_config, checkpoint_of
from siameseim.evaluation.linear_probe import (
    probe_config,
    probe_rate,
    run_probe,
)
from tests.transfer_fixtures import ROOT, forget_visualizers, tool, values
from tests.vit_fixtures import saved, tiny_vit

LINEAR = 'configs/classification/siameseim_vitb_linear_8xb2048-90e_in1k.py'
ARCH = dict(embed_dims=192, num_layers=2, num_heads=3, feedforward_channels=64)
FEW = 'few-shot, 3 of 24 labels in place of'  # one of each class


@pytest.fixture
def checkpoint(tmp_path):
    vit = tiny_vit(arch=ARCH, img_size=32, patch_size=8)
    return saved(tmp_path / 'vit.pth', vit.state_dict())


def run(checkpoint, colours, out, *more):
    forget_visualizers()
    rows = tool('evaluate_frozen').main(
        [checkpoint, '--data', str(colours), '--out', str(out),
         '--k', '1', '5', '200', '--epochs', '2', '--probe-batch', '8',
         '--workers', '0', '--device', 'cpu', *more]
    )  # fmt: skip
    return {row.measure: row for row in rows}


def test_one_command_measures_all_and_writes_it(checkpoint, colours, tmp_path):
    out = tmp_path / 'out'
    rows = run(checkpoint, colours, out, '--imagenet-r', str(colours / 'val'))
    few = f'{FEW} 10 %'
    for measure in ('k-NN, k=1', 'k-NN, k=5', few):
        assert rows[measure].value == 100, measure  # colours are easy
    too_many = rows['k-NN, k=200']
    assert (too_many.value, too_many.note) == (None, 'only 24 training images')
    assert 0 <= rows['linear probe'].value <= 100
    shifted = rows['linear: ImageNet-R'].value  # the same images
    assert shifted == pytest.approx(rows['linear probe'].value)
    assert rows['linear: ImageNet-A'].value is None
    text = (out / 'frozen.md').read_text()
    assert '| linear probe |' in text and '| 78.0 | 68.0 | 76.7 |' in text
    assert 'not measured here' in text
    stored = json.loads((out / 'frozen.json').read_text())
    assert len(stored['rows']) == len(rows)
    drawn = (out / '10percent_seed0.txt').read_text().split()
    assert len(drawn) == 3  # one of 8 in each class


def test_a_classifier_that_cannot_be_loaded_costs_no_other_measure(
    checkpoint, colours, tmp_path, monkeypatch
):
    def load_classifier(*args, **kwargs):
        raise ImportError('pip install timm')

    monkeypatch.setattr(frozen_suite, 'load_classifier', load_classifier)
    monkeypatch.setattr(
        frozen_suite, 'run_probe', lambda *_: (12.5, 'a.pth', '')
    )
    with pytest.raises(SystemExit, match='failed: pip install timm'):
        run(checkpoint, colours, tmp_path)
    stored = json.loads((tmp_path / 'frozen.json').read_text())
    values = {row['measure']: row['value'] for row in stored['rows']}
    assert values['k-NN, k=1'] == 100
    assert values['linear probe'] == 12.5
    assert values['linear: robustness'] is None


@pytest.mark.parametrize(
    ('error', 'ends'),
    [(ValueError, SystemExit), (RuntimeError, RuntimeError)],
)
def test_a_probe_that_fails_costs_no_measure_before_it(
    checkpoint, colours, tmp_path, monkeypatch, error, ends
):
    run_probe = Mock(side_effect=error('fewer than one batch'))
    monkeypatch.setattr(frozen_suite, 'run_probe', run_probe)
    with pytest.raises(ends, match='fewer than one batch'):
        run(checkpoint, colours, tmp_path)
    stored = json.loads((tmp_path / 'frozen.json').read_text())
    values = {row['measure']: row['value'] for row in stored['rows']}
    assert values['k-NN, k=1'] == 100
    assert values[f'{FEW} 10 %'] == 100
    assert 'linear probe' not in values


def test_the_table_names_the_branch(colours, tmp_path):
    tensors = tiny_vit(arch=ARCH, img_size=32, patch_size=8).state_dict()
    branches = ('backbone', 'target.backbone')
    both = {f'{b}.{k}': v for b in branches for k, v in tensors.items()}
    file = saved(tmp_path / 'both.pth', both)
    run(file, colours, tmp_path, '--branch', 'target', '--epochs', '0')
    assert 'both.pth, target branch\n' in (tmp_path / 'frozen.md').read_text()


def test_a_given_list_is_used(checkpoint, colours, tmp_path):
    path = tmp_path / 'list.txt'
    path.write_text('blue_1.png\nred_2.png\n')  # green is never seen
    rows = run(
        checkpoint, colours, tmp_path / 'out', '--subset-1', str(path),
        '--epochs', '0',
    )  # fmt: skip
    few = rows['few-shot, 2 of 24 labels in place of 1 %']
    assert few.value == pytest.approx(200 / 3, abs=0.01)
    assert rows['linear probe'].value is None
    assert '2 labels' in few.note


@pytest.mark.parametrize(
    ('loss', 'top1', 'fails'),
    [
        (2.4, 10.0, True),  # ten classes: ln 10 = 2.30
        (2.4, 80.0, False),  # a large first step of few
        (2.1, 10.0, False),
        (2.4, 14.0, True),  # 5 % of the way from 10 % to 100 % is 14.5
        (2.4, 15.0, False),
    ],
)
def test_a_probe_fails_that_is_no_better_than_a_guess(loss, top1, fails):
    hub = MessageHub(f'probe {loss} {top1}')
    hub.update_scalar('train/loss', loss)
    runner = SimpleNamespace(
        cfg=Config(dict(model=dict(head=dict(num_classes=10)))),
        message_hub=hub,
        train_dataloader=[0],
        iter=12,
    )
    told = 'after 12 steps its loss is 2.40, that of guessing 2.30'
    assert (told in linear_probe._failure(runner, top1)) == fails


def test_what_a_probe_says_of_itself_is_in_the_table(
    checkpoint, colours, tmp_path, monkeypatch
):
    monkeypatch.setattr(linear_probe, '_failure', lambda *_: 'it guesses')
    note = run(checkpoint, colours, tmp_path)['linear probe'].note
    assert note.endswith('; it guesses')
    assert note in (tmp_path / 'frozen.md').read_text()


def test_the_probe_takes_sizes_schedule_and_rate(colours, tmp_path):
    backbone = dict(type='SiameseIMViT', arch=ARCH, img_size=32, patch_size=8)
    cfg = probe_config(
        str(ROOT / LINEAR), backbone, str(colours), tmp_path, 9, 8, 1
    )
    for loader in (cfg.train_dataloader, cfg.val_dataloader):
        assert (loader.num_workers, loader.persistent_workers) == (1, True)
    assert MODELS.build(cfg.model.backbone).frozen_stages == 2
    assert cfg.model.backbone.out_type == 'avg_featmap'
    assert cfg.model.head.num_classes == 3
    assert cfg.model.head.in_channels == 192
    assert cfg.model.neck.input_features == 192
    steps = {s.type: s for s in cfg.train_dataloader.dataset.pipeline}
    assert steps['RandomResizedCrop'].scale == 32
    steps = {s.type: s for s in cfg.val_dataloader.dataset.pipeline}
    assert steps['ResizeEdge'].scale == 37  # 32 * 256 / 224 = 36.57
    assert steps['CenterCrop'].crop_size == 32
    warmup, cosine = cfg.param_scheduler
    assert (warmup.end, cosine.begin) == (1, 1)  # 10 of 90 epochs
    assert (cosine.end, cosine.T_max) == (9, 8)


@pytest.mark.parametrize(
    ('batch', 'images', 'rate'),
    [
        (16384, 1_281_167, 6.4),  # as stated
        (256, 1_281_167, 0.1),  # the linear rule
        (32768, 1_281_167, 12.8),
        (256, 128_117, 1.0),  # a tenth of the steps, ten times the rate
        (256, 9_469, 6.4),  # never more than stated
        (32768, 9_469, 12.8),
    ],
)
def test_the_rate_of_the_probe_follows_batch_and_data(batch, images, rate):
    cfg = Config.fromfile(ROOT / LINEAR)
    cfg.train_dataloader.batch_size = batch
    assert probe_rate(cfg, images) == pytest.approx(rate, rel=1e-5)


def test_the_probe_trains_with_that_rate(colours, tmp_path):
    """On few images the warm-up ends at what the config states."""
    backbone = dict(type='SiameseIMViT', arch=ARCH, img_size=32, patch_size=8)
    cfg = probe_config(
        str(ROOT / LINEAR), backbone, str(colours), tmp_path / 'run', 12, 4, 0
    )
    forget_visualizers()
    *_, failure = run_probe(cfg)
    assert failure == ''
    # not base_lr, which mmengine does not scale
    assert max(values(tmp_path / 'run', 'lr')) == pytest.approx(6.4, rel=0.05)


def test_the_probe_normalises_as_the_backbone_was_trained(colours, tmp_path):
    state = tiny_vit(arch=ARCH, img_size=32, patch_size=8).state_dict()
    file = tmp_path / 'own.pth'
    meta = dict(mean=[1.0, 2.0, 3.0], std=[4.0, 5.0, 6.0], num_heads=3)
    torch.save(dict(state_dict=state, meta=meta), file)
    backbone = backbone_config(str(file))
    cfg = probe_config(str(ROOT / LINEAR), backbone, str(colours), tmp_path)
    assert tuple(cfg.data_preprocessor.mean) == (1, 2, 3)
    assert tuple(cfg.data_preprocessor.std) == (4, 5, 6)


@pytest.mark.parametrize('init_cfg', [None, [dict(type='TruncNormal')]])
def test_a_backbone_that_loads_no_file_has_no_checkpoint(init_cfg):
    assert checkpoint_of(dict(type='SiameseIMViT', init_cfg=init_cfg)) == ''
    assert checkpoint_of(dict(type='SiameseIMViT')) == ''


def test_a_checkpoint_that_is_missing_is_named(colours, tmp_path):
    with pytest.raises(SystemExit, match='no.pth'):
        run('no.pth', colours, tmp_path)


def test_a_batch_beyond_the_images_is_named(colours, tmp_path):
    backbone = dict(type='SiameseIMViT', arch=ARCH, img_size=32, patch_size=8)
    cfg = probe_config(
        str(ROOT / LINEAR), backbone, str(colours), tmp_path / 'run', 1, 25, 0
    )
    forget_visualizers()
    with pytest.raises(ValueError, match='24 training .* one batch of 25'):
        run_probe(cfg)
