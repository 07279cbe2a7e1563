# ViTDet Mask R-CNN on COCO for one GPU, with the ViT-S/16 that one GPU trains.
#
# Command:
#   python tools/train.py configs/detection/THIS_FILE \
#       --cfg-options model.backbone.init_cfg.checkpoint=FILE
# Hardware: one GPU; memory not measured, less than with ViT-B.
# Expected: not yet run; compare with nothing but itself.
# Numbers: the ViT-B config for one GPU.
_base_ = ['./siameseim_vitb_vitdet_mask-rcnn_1xb2-lsj-12e_coco.py']

model = dict(
    backbone=dict(
        arch='small',
        init_cfg=dict(
            checkpoint='work_dirs/siameseim_vits_small_data/epoch_200.pth'
        ),
    ),
    neck=dict(in_channels=384),
)
