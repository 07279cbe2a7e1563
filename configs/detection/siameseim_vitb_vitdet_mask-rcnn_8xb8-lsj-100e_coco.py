# ViTDet Mask R-CNN on COCO with SiameseIM's ViT-B/16: the paper's recipe.
#
# Command, 8 GPUs, 8 images each (weights: sim_base_1600ep_pretrain.pth in the
# current folder, or --cfg-options model.backbone.init_cfg.checkpoint=FILE):
#   tools/dist_train.sh configs/detection/THIS_FILE 8
# With less memory, the same batch of 64 and warm-up of 250 steps:
#   ... --cfg-options train_dataloader.batch_size=2 \
#       optim_wrapper.accumulative_counts=4 param_scheduler.0.end=1000
# Hardware: 8 GPUs of 80 GB (estimated).
# Expected: not yet run here; published with these weights: 52.1 box AP,
# 46.2 mask AP.
# Numbers: https://arxiv.org/abs/2206.01204 and ViTDet,
# https://arxiv.org/abs/2203.16527.
_base_ = [
    './_base_/vitdet_vit-base.py',
    './_base_/lsj-1024_100e.py',
    './_base_/coco_lsj-1024.py',
]
