# ViTDet Mask R-CNN on LVIS v1 with SiameseIM's ViT-B/16: the paper's recipe.
#
# Command, 8 GPUs, 8 images each (weights: sim_base_1600ep_pretrain.pth in the
# current folder, or --cfg-options model.backbone.init_cfg.checkpoint=FILE):
#   tools/dist_train.sh configs/detection/THIS_FILE 8
# With less memory, the same batch of 64 and warm-up of 250 steps:
#   ... --cfg-options train_dataloader.batch_size=2 \
#       optim_wrapper.accumulative_counts=4 param_scheduler.0.end=1000
# Hardware: 8 GPUs of 80 GB (estimated).
# Expected: not yet run here; published with these weights: 40.5 box AP
# (rare 30.9), 38.1 mask AP (rare 30.1).
# Numbers: https://arxiv.org/abs/2206.01204 and ViTDet,
# https://arxiv.org/abs/2203.16527. Epochs are mmdet's, longer than
# ViTDet's, as they count repeated images (docs/detection.md).
_base_ = [
    './_base_/vitdet_vit-base.py',
    './_base_/lsj-1024_100e.py',
    './_base_/lvis-v1_lsj-1024.py',
    './_base_/lvis-v1_heads.py',
]

model = dict(roi_head=_base_.lvis_heads, test_cfg=_base_.lvis_test)
optim_wrapper = dict(optimizer=dict(lr=2e-4))
custom_hooks = _base_.lvis_hooks
