"""k-NN of a network on folders: in one process, in two, during training."""

import pytest
import torch

from siameseim.evaluation import frozen, labelled
from tests.test_evaluation.conftest import write_classes
from tests.transfer_fixtures import ROOT, tool
from tests.two_processes import run_in_two
from tests.vit_fixtures import SIZES, saved, tiny_vit

TINY_CFG = dict(type='SiameseIMViT', **SIZES)


def neighbours(rank, folder):
    torch.set_num_threads(1)
    backbone, preprocessor = frozen.frozen_backbone(dict(TINY_CFG), 'cpu')
    splits = labelled.labelled_splits(
        *frozen.split_folders(folder), backbone.img_size
    )
    parts = [
        labelled.pooled_features(
            backbone, preprocessor, labelled.share(s), num_workers=0
        )
        for s in splits
    ]
    found, labels = labelled.folder_neighbours(*parts, 4)
    order = found.cosines.sum(dim=1).argsort()  # processes interleave images
    return found.cosines[order], found.labels[order], labels[order]


def test_two_processes_find_what_one_finds(colours):
    alone = neighbours(0, str(colours))
    for cosines, found, labels in run_in_two(neighbours, str(colours)):
        torch.testing.assert_close(cosines, alone[0], atol=1e-3, rtol=0)
        assert found.equal(alone[1])
        assert labels.equal(alone[2])


def test_encoding_leaves_the_random_generators_alone(colours):
    backbone, preprocessor = frozen.frozen_backbone(dict(TINY_CFG), 'cpu')
    images = labelled.labelled_folder(colours / 'val', (16, 16))
    before = torch.random.get_rng_state()
    labelled.pooled_features(backbone, preprocessor, images, num_workers=0)
    assert torch.random.get_rng_state().equal(before)


def test_splits_with_other_classes_are_refused(colours, tmp_path):
    write_classes(tmp_path / 'val', 1, 0, {'red': (1, 2, 3)})
    with pytest.raises(ValueError, match='only one of them has: blue'):
        labelled.labelled_splits(colours / 'train', tmp_path / 'val', (16, 16))


def test_a_missing_split_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='train and val'):
        frozen.split_folders(tmp_path)


def test_the_sizes_are_those_of_the_checkpoint(tmp_path):
    arch = dict(
        embed_dims=192, num_layers=2, num_heads=3, feedforward_channels=64
    )
    vit = tiny_vit(arch=arch, img_size=(16, 24), patch_size=8)
    path = saved(tmp_path / 'vit.pth', vit.state_dict())
    again, _ = frozen.frozen_backbone(frozen.backbone_config(path), 'cpu')
    images = torch.randn(2, 3, 16, 24)
    torch.testing.assert_close(again.eval().encode(images), vit.encode(images))


def test_an_unknown_width_asks_for_the_config(tmp_path):
    path = saved(tmp_path / 'vit.pth', tiny_vit().state_dict())
    with pytest.raises(ValueError, match='16 wide.*--config'):
        frozen.backbone_config(path)


def test_one_command_with_several_k(colours, capsys):
    config = str(ROOT / 'configs/siameseim_smoke.py')
    scores = tool('knn').main(
        ['--config', config, '--data', str(colours), '--k', '1', '5',
         '--workers', '0', '--device', 'cpu']
    )  # fmt: skip
    assert scores == {1: 1.0, 5: 1.0}  # colours are told apart by any ViT
    assert '100.0% of 9 images, 3 classes' in capsys.readouterr().out
