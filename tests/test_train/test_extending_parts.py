"""The data set and the backbone of docs/extending.md, as they stand there."""

import importlib

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmpretrain.registry import DATASETS, MODELS

from tests.test_train.conftest import SMOKE, block
from tests.transfer_fixtures import values


def test_images_of_one_file_train_with_their_labels(plugin, train, tmp_path):
    plugin('my_data')
    rng = np.random.default_rng(0)
    images = rng.integers(0, 255, (9, 40, 50, 3), np.uint8)
    np.save(tmp_path / 'images.npy', images)
    np.save(tmp_path / 'labels.npy', np.arange(9) % 2)
    text = block("type='ArrayImages'").replace('ARRAYS', str(tmp_path))
    path = tmp_path / 'config.py'
    path.write_text(
        text.replace('CLONE/configs/siameseim_small_data.py', str(SMOKE))
    )
    work = tmp_path / 'work'
    options = [
        'default_hooks.probe.enabled=True',
        'default_hooks.logger.interval=1',
    ]
    train.main([str(path), '--work-dir', str(work), '--cfg-options', *options])
    dataset = Config.fromfile(path).train_dataloader.dataset.dataset
    info = DATASETS.build({**dataset}).get_data_info(3)
    np.testing.assert_array_equal(info['img'], images[3])
    assert info['gt_label'] == 1
    assert values(work, 'probe_accuracy')


@pytest.fixture
def backbones(plugin):
    """The example's, and the stock one with its weights."""
    plugin('my_vit')
    importlib.import_module('my_vit')
    cfg = Config.fromfile(SMOKE).model.backbone
    stock = MODELS.build(cfg)

    def build(k):
        own = MODELS.build({**cfg, 'type': 'TopKViT', 'k': k})
        own.load_state_dict(stock.state_dict())
        return own, stock

    return build


def test_attention_to_all_tokens_is_the_stock_one(backbones):
    images = torch.randn(2, 3, 32, 32)
    own, stock = backbones(k=17)
    torch.testing.assert_close(own.encode(images), stock.encode(images))
    fewer, _ = backbones(k=2)
    assert not torch.allclose(fewer.encode(images), stock.encode(images))


def test_a_backbone_of_ones_own_trains(plugin, start):
    text = plugin('my_vit') + block("type='TopKViT', k=8")
    work = start(text, '--epochs', 1)
    assert (work / 'epoch_1.pth').is_file()
