# ViTDet Mask R-CNN on LVIS v1 for one GPU of 24 GB: NOT the paper's protocol.
#
# Command:
#   python tools/train.py configs/detection/THIS_FILE
# Hardware: as siameseim_vitb_vitdet_mask-rcnn_1xb2-lsj-12e_coco.py.
# Expected: not yet run; compare with nothing but itself. The paper's figures
# are of 100 epochs with a batch of 64.
# Numbers: as the paper's config, but 12 epochs with steps after 8 and 11,
# batch 16 and the learning rate of COCO's, 1e-4, half of LVIS's.
_base_ = [
    './siameseim_vitb_vitdet_mask-rcnn_8xb8-lsj-100e_lvis-v1.py',
    './_base_/small-gpu_12e.py',
]

model = dict(backbone=dict(with_cp=True))
train_dataloader = dict(batch_size=2, num_workers=4)
optim_wrapper = dict(optimizer=dict(lr=1e-4), accumulative_counts=8)

train_cfg = dict(max_epochs=12, val_interval=1)
param_scheduler = _base_.small_gpu_schedule
