# Fine-tuning of a SiameseIM ViT-L/16 on ImageNet-1k.
#
# Command, 8 GPUs, 128 images each:
#   tools/dist_train.sh configs/classification/THIS_FILE 8 --data imagenet
# Hardware: 8 GPUs of 40 GB or more (estimated).
# Expected: not yet run here; no published result, and no published weights.
# Numbers: 50 epochs as in the paper's repository; learning rate, layer decay
# and drop path of MAE's ViT-L recipe (https://arxiv.org/abs/2111.06377, table
# 9, and mmpretrain's config), since SiameseIM's are not known for ViT-L.
_base_ = ['./_base_/finetune_vit-base.py']

model = dict(
    backbone=dict(
        arch='large',
        drop_path_rate=0.2,
        init_cfg=dict(checkpoint='siameseim_vitl_pretrain.pth'),
    ),
    head=dict(in_channels=1024),
)

base_lr = 1e-3 * 1024 / 256
optim_wrapper = dict(
    optimizer=dict(lr=base_lr), paramwise_cfg=dict(layer_decay_rate=0.75)
)

epochs, warmup = 50, 5
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=1e-6,
        begin=0,
        end=warmup,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
    dict(
        type='CosineAnnealingLR',
        eta_min_ratio=1e-6 / base_lr,
        T_max=epochs - warmup,
        begin=warmup,
        end=epochs,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
]
train_cfg = dict(max_epochs=epochs)
