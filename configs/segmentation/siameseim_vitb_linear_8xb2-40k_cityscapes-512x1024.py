# Frozen SiameseIM ViT-B/16 with a linear head on Cityscapes.
#
# Command, 8 GPUs: tools/dist_train.sh configs/segmentation/THIS_FILE 8
# Hardware: GPUs of 8 GB or more (estimated); only the head is trained.
# Expected: not yet run here; other work reports 26.52 mIoU for the published
# weights with a frozen backbone and a linear head, without its settings.
# Numbers: DINOv2's linear evaluation (https://arxiv.org/abs/2304.07193).
_base_ = [
    './_base_/linear_vit-base.py',
    'mmseg::_base_/datasets/cityscapes.py',
]

model = dict(
    data_preprocessor=dict(size=(512, 1024)),
    backbone=dict(img_size=(512, 1024)),
    decode_head=dict(num_classes=19),
    test_cfg=dict(mode='slide', crop_size=(512, 1024), stride=(341, 683)),
)
