# ViTDet Mask R-CNN on LVIS v1 with SiameseIM's ViT-L/16.
#
# Command: as siameseim_vitl_vitdet_mask-rcnn_8xb8-lsj-100e_coco.py.
# Hardware: GPUs of 80 GB (estimated); less with model.backbone.with_cp=True.
# Expected: not yet run; there are no published weights of this size.
# Numbers: ViTDet's ViT-L (https://arxiv.org/abs/2203.16527, table 8), the
# rest as the ViT-B config.
_base_ = ['./siameseim_vitb_vitdet_mask-rcnn_8xb8-lsj-100e_lvis-v1.py']

model = dict(
    backbone=dict(
        arch='large',  # global in 5, 11, 17, 23
        drop_path_rate=0.4,
        init_cfg=dict(
            checkpoint='work_dirs/siameseim_vitl_pretrain/epoch_1600.pth'
        ),
    ),
    neck=dict(in_channels=1024),
)
optim_wrapper = dict(paramwise_cfg=dict(layer_decay_rate=0.8))
