# Mask R-CNN 1x on LVIS v1 with SiameseIM's plain ViT-B/16 and the stock FPN.
#
# Command, 8 GPUs, 2 images each (weights: sim_base_1600ep_pretrain.pth in the
# current folder, or --cfg-options model.backbone.init_cfg.checkpoint=FILE):
#   tools/dist_train.sh configs/detection/THIS_FILE 8
# One GPU, the same batch of 16 and warm-up of 500 steps:
#   python tools/train.py configs/detection/THIS_FILE --cfg-options \
#       optim_wrapper.accumulative_counts=8 param_scheduler.0.end=4000
# Hardware: 8 GPUs of 24 GB or more (estimated).
# Expected: not yet run. Not the paper's protocol, which is
# siameseim_vitb_vitdet_mask-rcnn_8xb8-lsj-100e_lvis-v1.py.
# Numbers: model and optimizer of siameseim_vitb_mask-rcnn_fpn_8xb2-1x_coco.py;
# data, loss and test settings of the paper's LVIS config.
_base_ = [
    './_base_/mask-rcnn_fpn_vit-base_1x.py',
    'mmdet::_base_/datasets/lvis_v1_instance.py',
    './_base_/lvis-v1_heads.py',
]

model = dict(roi_head=_base_.lvis_heads, test_cfg=_base_.lvis_test)
train_dataloader = dict(batch_size=2)
val_evaluator = dict(type='SiameseIMLVISMetric')
test_evaluator = dict(type='SiameseIMLVISMetric')
custom_hooks = _base_.lvis_hooks
