# Mask R-CNN 1x on COCO with SiameseIM's plain ViT-L/16 and the stock FPN.
#
# Command, 8 GPUs: tools/dist_train.sh configs/detection/THIS_FILE 8
# Hardware: 8 GPUs of 40 GB or more (estimated).
# Expected: not yet run; there are no published weights of this size.
# Numbers: the ViT-B config; layer decay and drop path as ViTDet's ViT-L
# (https://arxiv.org/abs/2203.16527, table 8).
_base_ = ['./siameseim_vitb_mask-rcnn_fpn_8xb2-1x_coco.py']

model = dict(
    backbone=dict(
        arch='large',
        drop_path_rate=0.4,
        init_cfg=dict(
            checkpoint='work_dirs/siameseim_vitl_pretrain/epoch_1600.pth'
        ),
    ),
    neck=dict(in_channels=[256, 512, 1024, 1024]),
)
optim_wrapper = dict(paramwise_cfg=dict(layer_decay_rate=0.8))
