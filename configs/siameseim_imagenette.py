# ViT 192 wide, 6 deep, patch 8 on 64-pixel views: a run that learns on a CPU.
#
# Command, with imagenette_128_train.tar unpacked (any folder does):
#   python tools/train.py configs/siameseim_imagenette.py \
#       --data imagenette/train
# Hardware: 2 CPU cores; about an hour when nothing else runs.
# Expected: docs/imagenette.md holds the command and curve of a real run.
# Numbers: our choice. Against the recipe of the paper: a small model, the
# learning rate of a small batch, a target that moves faster (0.99 instead of
# 0.995) because the run is short, and crops from 20 % of the area because
# 8 % of a 128-pixel image is 36 pixels wide.
_base_ = ['siameseim_vitb_pretrain.py']

model = dict(
    backbone=dict(
        arch=dict(
            _delete_=True,  # the base config names it by a string
            embed_dims=192,
            num_layers=6,
            num_heads=3,
            feedforward_channels=4 * 192,
        ),
        img_size=64,
        patch_size=8,
    ),
    neck=dict(embed_dims=192, num_heads=6),
)

train_pipeline = [
    dict(type='TwoViews', size=64, area=(0.2, 1.0)),
    dict(type='ViewPhotometric', view=1, blur_prob=1.0),
    dict(type='ViewPhotometric', view=2, blur_prob=0.1, solarize_prob=0.2),
    dict(type='BlockMask', grid=8, num_masked=38, min_block=5),
    dict(type='PackTwoViews'),
]
train_dataloader = dict(
    batch_size=128, num_workers=2, dataset=dict(pipeline=train_pipeline)
)

optim_wrapper = dict(optimizer=dict(lr=5e-4))
auto_scale_lr = dict(base_batch_size=128)
param_scheduler = dict(warmup=2)
train_cfg = dict(max_epochs=24)

custom_hooks = [
    dict(type='MomentumTargetHook', base_momentum=0.99),
    dict(type='ProgressHook'),
    dict(type='StopSignalHook'),
]
default_hooks = dict(
    logger=dict(interval=20),
    checkpoint=dict(interval=4, max_keep_ckpts=1),
    knn=dict(budget=None),  # the curve is worth its time in a short run
)
