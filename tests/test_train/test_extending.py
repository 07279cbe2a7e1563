"""The examples of docs/extending.md work, as they stand there."""

import importlib
import json
import time

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from mmpretrain.registry import DATASETS, MODELS, TRANSFORMS
from PIL import Image

from siameseim.datasets import SourceImage
from siameseim.errors import InputError
from siameseim.launch.train_config import set_data
from tests.test_train.conftest import SMOKE, block
from tests.transfer_fixtures import ROOT, values

BOXES = ('boxes', 'flips')  # by view


def batches(path, images):
    """Of the first epoch of a config, four images each."""
    cfg = Config.fromfile(path)
    set_data(cfg, str(images))
    loader = cfg.train_dataloader
    loader.update(batch_size=4, num_workers=0, persistent_workers=False)
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        built = Runner.build_dataloader(loader, seed=0)
    return [batch['data_samples'] for batch in built]


def test_a_ratio_that_differs_by_batch_comes_again(plugin, images, tmp_path):
    plugin('my_ratio')
    path = tmp_path / 'config.py'
    text = block("dict(type='masked_alike')")
    path.write_text(text.replace('CLONE', str(ROOT)))
    first, again = (batches(path, images) for _ in range(2))
    counts = [samples['visible'].shape[1] for samples in first]
    assert len(set(counts)) > 1
    assert all(64 - 49 < count <= 64 - 16 for count in counts)
    for samples, same in zip(first, again, strict=True):
        assert torch.equal(samples['mask'], same['mask'])
        hidden = samples['mask'].flatten(1)
        assert not hidden.gather(1, samples['visible']).any()
        assert len(hidden.unique(dim=0)) == 4  # each image has its own


def test_a_mask_of_ones_own_reaches_the_model(plugin, images, tmp_path):
    plugin('my_mask')
    path = tmp_path / 'config.py'
    text = block("dict(type='TopHidden')")
    path.write_text(text.replace('CLONE', str(ROOT)))
    for samples in batches(path, images):
        assert samples['mask'][:, :4].all()
        assert not samples['mask'][:, 4:].any()


def test_both_views_have_the_turn_of_their_image(plugin, tmp_path):
    plugin('my_turns')
    importlib.import_module('my_turns')
    turns = TRANSFORMS.build(dict(type='QuarterTurns'))
    pixels = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    found = set()
    for seed in range(20):
        source = SourceImage.from_data_info(dict(img=pixels))
        rng = np.random.default_rng(seed)
        turned = turns(dict(source=source, rng=rng))['source']
        assert turned.decode().shape[:2] == (turned.height, turned.width)
        found.add(turned.decode().tobytes())
    assert found == {np.rot90(pixels, n).tobytes() for n in range(4)}


def test_turned_images_train(plugin, images, tmp_path):
    plugin('my_turns')
    path = tmp_path / 'config.py'
    text = block("dict(type='QuarterTurns')")
    path.write_text(text.replace('CLONE', str(ROOT)))
    assert batches(path, images)


def test_boxes_follow_the_views(plugin, tmp_path):
    """Where a white object is in each view, its box is."""
    pytest.importorskip('mmdet')
    plugin('my_boxes')
    box = [40, 20, 24, 16]  # left, top, width, height
    pixels = np.zeros((80, 100, 3), np.uint8)
    pixels[20:36, 40:64] = 255
    (tmp_path / 'COCO/images').mkdir(parents=True)
    Image.fromarray(pixels).save(tmp_path / 'COCO/images/1.png')
    mark = dict(id=1, image_id=1, category_id=1, bbox=box, area=384)
    coco = dict(
        images=[dict(id=1, file_name='1.png', height=80, width=100)],
        annotations=[{**mark, 'iscrowd': 0}],
        categories=[dict(id=1, name='mitosis')],
    )
    (tmp_path / 'COCO/annotations.json').write_text(json.dumps(coco))
    path = tmp_path / 'config.py'
    text = block("dict(type='PackWithObjects')")
    text = text.replace("'COCO'", f"'{tmp_path}/COCO'")
    path.write_text(text.replace('CLONE', str(ROOT)))
    cfg = Config.fromfile(path).train_dataloader.dataset
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        dataset = DATASETS.build(cfg)
    flips = 0
    for key in range(8):
        sample = dataset[key]
        objects = sample['data_samples']['objects'].numpy()
        flips += int(sample['data_samples']['flips'].sum())
        assert (objects[:, 1:] == -1).all()
        for view, found in zip(sample['inputs'], objects[:, 0], strict=True):
            rows, columns = np.nonzero(view[0].numpy() > 127)
            edges = columns.min(), rows.min(), columns.max(), rows.max()
            expected = np.add(edges, (0, 0, 1, 1))
            np.testing.assert_allclose(found, expected, atol=1)
    assert 0 < flips < 16


@pytest.fixture
def smoke(plugin):
    """The smoke model as an example's class, and the stock one as it."""

    def build(name, kind):
        plugin(name)
        cfg = Config.fromfile(SMOKE).model
        torch.manual_seed(0)
        stock = MODELS.build(cfg).eval()
        importlib.import_module(name)
        own = MODELS.build({**cfg, 'type': kind}).eval()
        own.load_state_dict(stock.state_dict())
        return own, stock

    return build


def test_a_third_view_counts_as_much_as_the_second(smoke):
    own, stock = smoke('my_views', 'ThreeViews')
    views = torch.randn(3, 2, 3, 32, 32).unbind()
    boxes = torch.tensor([[0, 0, 8, 8], [2, 1, 8, 9], [4, 4, 5, 5.0]])
    samples = dict(
        mask=torch.zeros(2, 4, 4, dtype=torch.bool),
        visible=torch.arange(16).repeat(2, 1),
        boxes=boxes.repeat(2, 1, 1),
        flips=torch.tensor([[False, False, True]] * 2),
        source_width=torch.full((2,), 20.0),
    )
    found = own.loss([*views], samples)
    second = {k: v[:, :2] for k, v in samples.items() if k in BOXES}
    third = {k: v[:, ::2] for k, v in samples.items() if k in BOXES}
    one = stock.loss([views[0], views[1]], {**samples, **second})
    other = stock.loss([views[0], views[2]], {**samples, **third})
    assert not torch.allclose(one['loss_pos'], other['loss_pos'])
    for name, value in found.items():
        torch.testing.assert_close(2 * value, one[name] + other[name])


def test_three_views_train(plugin, start):
    views = block("dict(type='ThreeViews')")
    work = start(plugin('my_views') + views, '--epochs', 1)
    assert (work / 'epoch_1.pth').is_file()


def test_a_target_of_ones_own_keeps_the_guard(smoke):
    own, _ = smoke('my_target', 'LevelSiameseIM')
    with pytest.raises(InputError, match='MomentumTargetHook'):
        own.target.train().encode(torch.randn(2, 3, 32, 32))
    _, target = own.target.eval().encode(torch.randn(2, 3, 32, 32))
    torch.testing.assert_close(
        target.mean(-1), torch.zeros(2, 16), rtol=0, atol=1e-5
    )


def test_a_head_of_ones_own_asks_for_the_own_image(plugin, start):
    head = block("type='MyHead'")
    work = start(plugin('my_head') + head, '--epochs', 1)
    own = MODELS.build(dict(type='MyHead', temperature=0.1))
    features = torch.eye(4)[:, None].repeat(1, 3, 1)
    right, wrong = (own.loss(features, features.roll(n, 0)) for n in (0, 1))
    assert wrong['loss'] - right['loss'] == pytest.approx(1 / 0.1)
    assert (right['found'], wrong['found']) == (1, 0)
    assert values(work, 'found')


def test_what_a_hook_writes_is_in_the_log(plugin, start):
    hook = block("dict(type='TokenNormHook')")
    work = start(plugin('my_hook') + hook, '--epochs', 1)
    saved = torch.load(work / 'epoch_1.pth', weights_only=False)
    token = saved['state_dict']['backbone.cls_token']
    assert values(work, 'token_norm')[-1] == pytest.approx(
        token.norm().item(), rel=1e-4
    )


def test_a_transform_alone_takes_an_array():
    names = dict(pixels=np.zeros((300, 400, 3), np.uint8))
    exec(block('TwoViews(size=224)'), names)
    assert [view.shape for view in names['results']['views']] == [
        (224, 224, 3)
    ] * 2


def test_a_notebook_trains_and_goes_on_in_a_moved_folder(
    images, tmp_path, capfd
):
    names = {'configs/siameseim_small_data.py': str(SMOKE), 'FOLDER': images}
    text = block('world_size=1')
    for name, value in names.items():
        text = text.replace(name, str(value))
    for epochs in (1, 2):
        work = tmp_path / f'run{epochs}'
        if epochs == 2:
            (tmp_path / 'run1').rename(work)
            time.sleep(1)  # mmengine names a run by the second it begins in
        run = text.replace('work_dirs/notebook', str(work))
        run = run.replace('(cfg, 30)', f'(cfg, {epochs})')
        exec(run, ends := {})
        assert ends['runner'].iter == 6 * epochs
    assert 'resumed epoch: 1, iter: 6' in ''.join(capfd.readouterr())
