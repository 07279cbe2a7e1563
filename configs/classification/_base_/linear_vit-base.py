# Linear probe of the frozen ViT-B/16: mean of the patch tokens -> LayerNorm
# -> BatchNorm without affine -> Linear, trained by LARS (method.md section 9).
_base_ = [
    'mmpretrain::mae/benchmarks/vit-base-p16_8xb2048-linear-coslr-90e_in1k.py'
]

custom_imports = dict(imports=['siameseim'], allow_failed_imports=False)

model = dict(
    backbone=dict(
        type='SiameseIMViT',
        frozen_stages='all',  # with its LayerNorm
        out_type='avg_featmap',
        final_norm=False,
        # The one line for the weights: any layout, see
        # docs/classification.md.
        init_cfg=dict(
            _delete_=True,
            type='Pretrained',
            checkpoint='sim_base_1600ep_pretrain.pth',
        ),
    ),
    neck=dict(affine=False, eps=1e-6),  # the stock ClsBatchNormNeck
    head=dict(
        _delete_=True,
        type='LinearClsHead',
        num_classes=1000,
        in_channels=768,
        loss=dict(type='CrossEntropyLoss'),
        init_cfg=[dict(type='TruncNormal', layer='Linear', std=0.01)],
    ),
)

# Bicubic as in pretraining; the stock pipeline has bilinear.
resize = dict(backend='pillow', interpolation='bicubic')
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='RandomResizedCrop', scale=224, **resize),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='PackInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='ResizeEdge', scale=256, edge='short', **resize),
    dict(type='CenterCrop', crop_size=224),
    dict(type='PackInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))

optim_wrapper = dict(
    type='AutocastOptimWrapper',
    precision='auto',  # bf16 where the hardware has it
    constructor='GroupedOptimWrapperConstructor',
    optimizer=dict(
        type='LARS',
        lr=0.1 * 16384 / 256,
        momentum=0.9,
        weight_decay=0.0,
        eta=0.001,
    ),
    # The bias takes plain SGD steps, as in MoCo v3's and MAE's LARS.
    paramwise_cfg=dict(custom_keys={'bias': dict(lars_exclude=True)}),
)
auto_scale_lr = dict(enable=True, base_batch_size=16384)

default_hooks = dict(
    checkpoint=dict(max_keep_ckpts=2, save_best='accuracy/top1')
)
