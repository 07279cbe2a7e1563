"""The adapters in stock detectors and segmentors, from stock configs."""

import pytest
import torch
import torch.nn.functional as F
from mmengine.config import ConfigDict
from mmengine.hub import get_config
from mmengine.registry import DefaultScope
from mmengine.structures import InstanceData, PixelData

from siameseim.downstream import SiameseIMDenseViT
from tests.vit_fixtures import TINY, saved, tiny_vit

PATCH = 16


@pytest.fixture
def pretrained(tmp_path):
    """One line of config: weights of a tiny pretraining run."""
    tensors = tiny_vit(img_size=64, patch_size=PATCH).state_dict()
    file = saved(tmp_path / 'f.pth', tensors)
    return dict(type='Pretrained', checkpoint=file)


def build(toolbox, cfg):
    registries = pytest.importorskip(f'{toolbox}.registry')
    with DefaultScope.overwrite_default_scope(toolbox):
        model = registries.MODELS.build(cfg)
        model.init_weights()
    return model


def vit(kind, pretrained, **kwargs):
    sizes = dict(arch=TINY, img_size=64, patch_size=PATCH)
    return dict(type=kind, **sizes, init_cfg=pretrained, **kwargs)


def detector(backbone, neck):
    pytest.importorskip('mmcv.ops', exc_type=ImportError)
    pytest.importorskip('mmdet')
    cfg = get_config('mmdet::mask_rcnn/mask-rcnn_r50_fpn_1x_coco.py').model
    cfg = ConfigDict({**cfg, 'backbone': backbone, 'neck': neck})
    cfg.roi_head.bbox_head.num_classes = cfg.roi_head.mask_head.num_classes = 2
    return build('mmdet', cfg)


def detection_losses(model):
    """Losses on one image with one square object."""
    from mmdet.structures import DetDataSample
    from mmdet.structures.mask import BitmapMasks

    masks = torch.zeros(1, 96, 128, dtype=torch.uint8)
    masks[:, 20:70, 30:90] = 1
    sample = DetDataSample(
        metainfo=dict(img_shape=(96, 128), scale_factor=(1, 1)),
        gt_instances=InstanceData(
            bboxes=torch.tensor([[30.0, 20.0, 90.0, 70.0]]),
            labels=torch.tensor([1]),
            masks=BitmapMasks(masks.numpy(), 96, 128),
        ),
    )
    sample.set_metainfo(dict(ori_shape=(96, 128), batch_input_shape=(96, 128)))
    torch.manual_seed(0)
    images = torch.rand(3, 96, 128) * 255
    data = model.data_preprocessor(
        dict(inputs=[images], data_samples=[sample]), training=True
    )
    return model(**data, mode='loss')


def check_detector(model, pretrained, trained):
    losses = detection_losses(model)
    total, _ = model.parse_losses(losses)
    total.backward()
    gradient = dict(model.backbone.named_parameters())[trained].grad
    assert torch.isfinite(total)
    assert gradient.abs().max() > 0
    stored = torch.load(pretrained['checkpoint'])['layers.0.attn.qkv.weight']
    torch.testing.assert_close(
        model.backbone.layers[0].attn.qkv.weight, stored
    )


def test_stock_mask_rcnn_takes_the_multi_scale_vit(pretrained):
    backbone = vit('SiameseIMMultiScaleViT', pretrained, with_cp=True)
    neck = dict(
        type='FPN', in_channels=[4, 8, 16, 16], out_channels=256, num_outs=5
    )
    check_detector(
        detector(backbone, neck), pretrained, 'layers.0.attn.qkv.weight'
    )


def test_stock_mask_rcnn_takes_vitdet(pretrained):
    backbone = vit('SiameseIMViTDet', pretrained, window_size=3)
    neck = dict(type='SiameseIMSimplePyramid', in_channels=16)
    check_detector(
        detector(backbone, neck), pretrained, 'layers.3.attn.rel_pos_w'
    )


def segmentor(pretrained, size_divisor):
    pytest.importorskip('mmseg')
    cfg = get_config('mmseg::upernet/upernet_r50_4xb4-160k_ade20k-512x512.py')
    cfg = cfg.model
    cfg.pretrained = None
    norm = dict(type='BN')
    channels = dict(channels=8, norm_cfg=norm, num_classes=5)
    cfg.data_preprocessor.update(test_cfg=dict(size_divisor=size_divisor))
    cfg.backbone = ConfigDict(vit('SiameseIMViT', pretrained))
    cfg.neck = dict(type='Feature2Pyramid', embed_dim=16, norm_cfg=norm)
    cfg.decode_head.update(in_channels=[16] * 4, **channels)
    cfg.auxiliary_head.update(in_channels=16, **channels)
    return build('mmseg', cfg)


def test_weights_of_the_stock_backbone_are_refused_with_the_cure():
    with pytest.raises(ValueError, match='set pretrained=None in the model'):
        tiny_vit(SiameseIMDenseViT, pretrained='open-mmlab://resnet50_v1c')


def seg_sample(shape):
    from mmseg.structures import SegDataSample

    sample = SegDataSample(metainfo=dict(img_shape=shape, ori_shape=shape))
    labels = torch.randint(0, 5, (1, *shape))
    sample.gt_sem_seg = PixelData(data=labels)
    return sample


def test_stock_upernet_trains_on_four_maps(pretrained):
    model = segmentor(pretrained, PATCH)
    data = dict(
        inputs=[torch.rand(3, 512, 512) * 255] * 2,
        data_samples=[seg_sample((512, 512)) for _ in range(2)],
    )
    losses = model(**model.data_preprocessor(data, training=True), mode='loss')
    total, _ = model.parse_losses(losses)
    total.backward()
    assert torch.isfinite(total)
    for layer in model.backbone.layers:
        assert layer.attn.qkv.weight.grad.abs().max() > 0


@pytest.mark.parametrize('shape', [(75, 90), (64, 64), (33, 130)])
def test_predictions_of_odd_sizes_are_cropped_not_squashed(pretrained, shape):
    model = segmentor(pretrained, PATCH).eval()
    image = torch.rand(3, *shape) * 255
    data = dict(inputs=[image], data_samples=[seg_sample(shape)])
    with torch.no_grad():
        result = model.test_step(data)[0].seg_logits.data
        mean = model.data_preprocessor.mean
        normalised = (image.flip(0) - mean) / model.data_preprocessor.std
        padding = (0, -shape[1] % PATCH, 0, -shape[0] % PATCH)
        padded = F.pad(normalised, padding)[None]
        meta = dict(img_shape=padded.shape[2:])
        logits = model.encode_decode(padded, [meta])[0]
    expected = logits[:, : shape[0], : shape[1]]
    torch.testing.assert_close(result, expected)


def test_all_names_are_known_to_both_toolboxes():
    for toolbox in ('mmdet', 'mmseg'):
        registries = pytest.importorskip(f'{toolbox}.registry')
        for name in (
            'SiameseIMViT',
            'SiameseIMMultiScaleViT',
            'SiameseIMViTDet',
            'SiameseIMSimplePyramid',
        ):
            assert registries.MODELS.get(name)
        assert registries.OPTIM_WRAPPER_CONSTRUCTORS.get('BackboneLayerDecay')
