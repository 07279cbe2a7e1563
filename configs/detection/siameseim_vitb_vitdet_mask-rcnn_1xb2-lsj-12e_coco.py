# ViTDet Mask R-CNN on COCO for one GPU of 24 GB: NOT the paper's protocol.
#
# Command:
#   python tools/train.py configs/detection/THIS_FILE
# Hardware: one GPU of 24 GB (estimated); activation checkpointing, 2 images,
# 8 times for a step of 16. With 16 GB:
#   ... --cfg-options train_dataloader.batch_size=1 \
#       optim_wrapper.accumulative_counts=16 param_scheduler.0.end=4000
# Expected: not yet run; compare with nothing but itself. The paper's figures
# are of 100 epochs with a batch of 64.
# Numbers: as the paper's config, but 12 epochs with steps after 8 and 11 and
# batch 16, mmdet's 1x; the learning rate is the one of batch 64, 1e-4.
_base_ = [
    './siameseim_vitb_vitdet_mask-rcnn_8xb8-lsj-100e_coco.py',
    './_base_/small-gpu_12e.py',
]

model = dict(backbone=dict(with_cp=True))
train_dataloader = dict(batch_size=2, num_workers=4)
optim_wrapper = dict(accumulative_counts=8)

train_cfg = dict(max_epochs=12, val_interval=1)
param_scheduler = _base_.small_gpu_schedule
