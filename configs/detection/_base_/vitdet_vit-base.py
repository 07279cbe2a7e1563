# Mask R-CNN on the ViTDet backbone with SiameseIM's ViT-B/16: model and
# optimizer of method.md section 9, which are ViTDet's
# (https://arxiv.org/abs/2203.16527, section 4 and appendix A.2).
_base_ = ['mmdet::_base_/models/mask-rcnn_r50_fpn.py', './runtime.py']

norm_cfg = dict(type='mmpretrain.LN2d', eps=1e-6)
model = dict(
    # All images become 1024 x 1024: the resized image at the top left, the
    # rest zero after normalisation. Relative positions are made for it.
    data_preprocessor=dict(pad_size_divisor=1024),
    backbone=dict(
        _delete_=True,
        type='SiameseIMViTDet',  # windows of 14, global in 2, 5, 8, 11
        arch='base',
        img_size=1024,
        drop_path_rate=0.1,
        # The one line for the weights: any layout, see docs/detection.md.
        init_cfg=dict(
            type='Pretrained', checkpoint='sim_base_1600ep_pretrain.pth'
        ),
    ),
    neck=dict(_delete_=True, type='SiameseIMSimplePyramid', in_channels=768),
    rpn_head=dict(type='SiameseIMRPNHead', num_convs=2),
    roi_head=dict(
        bbox_roi_extractor=dict(type='SiameseIMRoIExtractor'),
        mask_roi_extractor=dict(type='SiameseIMRoIExtractor'),
        bbox_head=dict(type='Shared4Conv1FCBBoxHead', norm_cfg=norm_cfg),
        mask_head=dict(norm_cfg=norm_cfg),
    ),
)

optim_wrapper = dict(
    type='mmpretrain.AutocastOptimWrapper',
    precision='auto',  # bf16 where the hardware has it
    constructor='BackboneLayerDecay',
    optimizer=dict(
        type='AdamW', lr=1e-4, betas=(0.9, 0.999), weight_decay=0.1
    ),
    # No decay of norms, as ViTDet's, nor of biases and relative positions,
    # which detectron2's configs of ViTDet decay.
    paramwise_cfg=dict(layer_decay_rate=0.7),
)
