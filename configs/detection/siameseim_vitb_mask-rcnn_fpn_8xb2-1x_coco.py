# Mask R-CNN 1x on COCO with SiameseIM's plain ViT-B/16 and the stock FPN.
#
# Command, 8 GPUs, 2 images each (weights: sim_base_1600ep_pretrain.pth in the
# current folder, or --cfg-options model.backbone.init_cfg.checkpoint=FILE):
#   tools/dist_train.sh configs/detection/THIS_FILE 8
# One GPU, the same batch of 16 and warm-up of 500 steps:
#   python tools/train.py configs/detection/THIS_FILE --cfg-options \
#       optim_wrapper.accumulative_counts=8 param_scheduler.0.end=4000
# Hardware: 8 GPUs of 24 GB or more (estimated).
# Expected: not yet run. This is the simplest drop-in, not the paper's
# protocol, which is siameseim_vitb_vitdet_mask-rcnn_8xb8-lsj-100e_coco.py.
# Numbers: mmdet's 1x schedule; AdamW at 1e-4 and weight decay 0.05 as mmdet's
# Swin 1x config (https://arxiv.org/abs/2103.14030); layer decay and drop path
# as ViTDet (https://arxiv.org/abs/2203.16527).
_base_ = [
    './_base_/mask-rcnn_fpn_vit-base_1x.py',
    'mmdet::_base_/datasets/coco_instance.py',
]
