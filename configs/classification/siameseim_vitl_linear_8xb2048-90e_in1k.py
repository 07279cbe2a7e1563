# Linear probe of a frozen SiameseIM ViT-L/16 on ImageNet-1k.
#
# Command, 8 GPUs, 2048 images each:
#   tools/dist_train.sh configs/classification/THIS_FILE 8 --data imagenet
# Hardware: GPUs of 16 GB or more (estimated), for one linear layer.
# Expected: not yet run here; no published result, and no published weights.
# Numbers: as for ViT-B.
_base_ = ['./_base_/linear_vit-base.py']

model = dict(
    backbone=dict(
        arch='large',
        init_cfg=dict(checkpoint='siameseim_vitl_pretrain.pth'),
    ),
    neck=dict(input_features=1024),
    head=dict(in_channels=1024),
)
