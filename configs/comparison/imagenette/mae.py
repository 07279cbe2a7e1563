# Row of the comparison: stock MAE with the same ViT and schedule.
#
# Numbers: learning rate 1e-3, crops from 20 % of the area;
# decoder 128 wide and 4 deep, two thirds of the encoder's sides, as in the
# paper's ViT-B (512 and 8 beside 768 and 12).
_base_ = ['small_data.py']

model = dict(
    type='MAE',
    backbone=dict(
        _delete_=True,
        type='MAEViT',
        arch=_base_.model.backbone.arch,
        img_size=64,
        patch_size=8,
        mask_ratio=0.75,
    ),
    neck=dict(
        _delete_=True,
        type='MAEPretrainDecoder',
        num_patches=64,
        patch_size=8,
        embed_dim=192,
        decoder_embed_dim=128,
        decoder_depth=4,
        decoder_num_heads=4,
        mlp_ratio=4.0,
    ),
    head=dict(
        _delete_=True,
        type='MAEPretrainHead',
        norm_pix=True,
        patch_size=8,
        loss=dict(type='PixelReconstructionLoss', criterion='L2'),
    ),
    init_cfg=[
        dict(type='Xavier', layer='Linear', distribution='uniform'),
        dict(type='Constant', layer='LayerNorm', val=1.0, bias=0.0),
    ],
)

train_pipeline = [
    dict(type='TwoViews', size=64, area=(0.2, 1.0), num_views=1),
    dict(type='PackViews'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
optim_wrapper = dict(optimizer=dict(lr=1e-3))

# It looks into SiameseIM's target branch, which is not here.
default_hooks = dict(
    features=dict(interval=0),
    # its blocks are the stock ones, which would be compiled in pieces
    compile=dict(enabled=False),
)
custom_hooks = [dict(type='ProgressHook'), dict(type='StopSignalHook')]
