# Mask R-CNN 1x on SiameseIM's plain ViT-B/16 and the stock FPN: model and
# optimizer. Sources: siameseim_vitb_mask-rcnn_fpn_8xb2-1x_coco.py.
_base_ = [
    'mmdet::_base_/models/mask-rcnn_r50_fpn.py',
    'mmdet::_base_/schedules/schedule_1x.py',
    './runtime.py',
]

model = dict(
    backbone=dict(
        _delete_=True,
        type='SiameseIMMultiScaleViT',
        arch='base',
        img_size=(800, 1344),
        drop_path_rate=0.1,
        with_cp=True,
        # The one line for the weights: any layout, see docs/detection.md.
        init_cfg=dict(
            type='Pretrained', checkpoint='sim_base_1600ep_pretrain.pth'
        ),
    ),
    neck=dict(in_channels=[192, 384, 768, 768]),
)

optim_wrapper = dict(
    _delete_=True,
    type='OptimWrapper',
    constructor='BackboneLayerDecay',
    optimizer=dict(
        type='AdamW', lr=1e-4, betas=(0.9, 0.999), weight_decay=0.05
    ),
    paramwise_cfg=dict(layer_decay_rate=0.7),
)
