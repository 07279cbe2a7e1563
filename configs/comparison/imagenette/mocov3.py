# Row of the comparison: stock MoCo v3 with the same ViT and schedule.
#
# Numbers: the stock ViT recipe, its heads a quarter as wide (1024 in place
# of 4096) for a ViT of half the width of ViT-S; the colours of SiameseIM's
# paper, crops from 20 % of the area, batch and learning rate of small_data,
# with which it learns little; what it needs, batches of 128 and 5e-4, is in
# docs/comparison.md, "An hour of one core".
_base_ = ['small_data.py']

temperature = 0.2
norm = dict(type='BN1d')  # one process: the same numbers as SyncBN
model = dict(
    type='MoCoV3',
    base_momentum=0.01,
    backbone=dict(
        _delete_=True,
        type='MoCoV3ViT',
        arch=_base_.model.backbone.arch,
        img_size=64,
        patch_size=8,
        stop_grad_conv1=True,
    ),
    neck=dict(
        _delete_=True,
        type='NonLinearNeck',
        in_channels=192,
        hid_channels=1024,
        out_channels=256,
        num_layers=3,
        with_last_bn_affine=False,
        with_avg_pool=False,
        norm_cfg=norm,
    ),
    head=dict(
        _delete_=True,
        type='MoCoV3Head',
        predictor=dict(
            type='NonLinearNeck',
            in_channels=256,
            hid_channels=1024,
            out_channels=256,
            num_layers=2,
            with_last_bn_affine=False,
            with_avg_pool=False,
            norm_cfg=norm,
        ),
        loss=dict(type='CrossEntropyLoss', loss_weight=2 * temperature),
        temperature=temperature,
    ),
)

train_pipeline = [
    dict(type='TwoViews', size=64, area=(0.2, 1.0)),
    dict(type='ViewPhotometric', view=1, blur_prob=1.0),
    dict(type='ViewPhotometric', view=2, blur_prob=0.1, solarize_prob=0.2),
    dict(type='PackViews'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))

# It looks into SiameseIM's target branch, which is not here.
default_hooks = dict(
    features=dict(interval=0),
    # its blocks are the stock ones, which would be compiled in pieces
    compile=dict(enabled=False),
)
custom_hooks = [dict(type='ProgressHook'), dict(type='StopSignalHook')]
