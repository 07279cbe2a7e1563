# UperNet on Cityscapes with SiameseIM's ViT-B/16.
#
# Command, 8 GPUs: tools/dist_train.sh configs/segmentation/THIS_FILE 8
# Hardware: 8 GPUs of 24 GB or more (estimated).
# Expected: not yet run; SiameseIM's paper has no UperNet on Cityscapes.
# Numbers: the ADE20K recipe with the crops of mmseg's Cityscapes configs.
_base_ = [
    './_base_/upernet_vit-base.py',
    'mmseg::_base_/datasets/cityscapes.py',
]

model = dict(
    data_preprocessor=dict(size=(512, 1024)),
    backbone=dict(img_size=(512, 1024)),
    decode_head=dict(num_classes=19),
    auxiliary_head=dict(num_classes=19),
    test_cfg=dict(mode='slide', crop_size=(512, 1024), stride=(341, 683)),
)
