# A small ViT on the photographs inside scikit-image and scikit-learn.
#
# Command:
#   make quickstart          (or: python tools/quickstart.py)
# Hardware: 2 CPU cores.
# Expected: true match found among 138 held-out images, 0.2 to 0.3 % before
#   and 9.4 to 10.6 % after training (seeds 0 to 2, 2026-11-24);
#   2 to 4 minutes.
# Numbers: our choice. Against the recipe of the paper: a small model with
# fewer projector and predictor blocks, a target that moves faster because
# the run is short, crops from 30 % of a tile's area, and a blur that is as
# wide on 64 pixels as the paper's on 224.
_base_ = ['siameseim_vitb_pretrain.py']
model = dict(
    backbone=dict(
        arch=dict(
            _delete_=True,  # the base config names it by a string
            embed_dims=96,
            num_layers=3,
            num_heads=3,
            feedforward_channels=4 * 96,
        ),
        img_size=64,
        patch_size=8,
    ),
    neck=dict(
        embed_dims=96, num_heads=6, projector_depth=1, predictor_depth=2
    ),
)

crop = dict(type='TwoViews', size=64, area=(0.3, 1.0))
whole = dict(
    type='TwoViews', size=64, area=(1.0, 1.0), aspect=(1.0, 1.0), flip_prob=0
)
blur = dict(blur_sigma=(0.1, 2.0 * 64 / 224))
colours = [
    dict(type='ViewPhotometric', view=1, blur_prob=1.0, **blur),
    dict(
        type='ViewPhotometric',
        view=2,
        blur_prob=0.1,
        solarize_prob=0.2,
        **blur,
    ),
]
pack = [
    dict(type='BlockMask', grid=8, num_masked=24, min_block=5),
    dict(type='PackTwoViews'),
]
train_photos = dict(type='SamplePhotos', split='train')
held_out_photos = dict(type='SamplePhotos', split='held_out')
train_dataloader = dict(
    batch_size=64,
    num_workers=1,
    dataset=dict(
        dataset=dict(_delete_=True, **train_photos),
        pipeline=[crop, *colours, *pack],
    ),
)

optim_wrapper = dict(optimizer=dict(lr=1e-3))
auto_scale_lr = dict(enable=False)
param_scheduler = dict(warmup=2)
train_cfg = dict(max_epochs=20)

custom_hooks = [
    dict(type='MomentumTargetHook', base_momentum=0.99),
    dict(type='ProgressHook'),
    dict(
        type='HeldOutHook',
        pairs=dict(
            type='PretrainDataset',
            # tiles that do not overlap much: each has one true match
            dataset=dict(stride=64, **held_out_photos),
            pipeline=[crop, *pack],
        ),
        bank=dict(
            type='PretrainDataset',
            dataset=dict(stride=64, **train_photos),
            pipeline=[whole, *pack],
        ),
        queries=dict(
            type='PretrainDataset',
            dataset=held_out_photos,
            pipeline=[whole, *pack],
        ),
    ),
]
default_hooks = dict(
    logger=dict(interval=20),
    checkpoint=dict(interval=1000),  # only after the last epoch
)
