# A ViT small enough to try every part of a run in seconds on a CPU.
#
# Command:
#   python tools/train.py configs/siameseim_smoke.py --data ANY_FOLDER
# Hardware: one CPU core; 4 x 4 patches, 16 channels wide.
# Expected: two epochs without an error; it learns nothing worth keeping.
# Numbers: our choice; the tests use this file.
_base_ = ['siameseim_vitb_pretrain.py']

model = dict(
    backbone=dict(
        arch=dict(
            _delete_=True,  # the base config names it by a string
            embed_dims=16,
            num_layers=2,
            num_heads=2,
            feedforward_channels=32,
        ),
        img_size=32,
        patch_size=8,
    ),
    neck=dict(
        embed_dims=16, num_heads=2, projector_depth=1, predictor_depth=1
    ),
)
train_pipeline = [
    dict(type='TwoViews', size=32),
    dict(type='ViewPhotometric', view=1, blur_prob=1.0),
    dict(type='ViewPhotometric', view=2, blur_prob=0.1, solarize_prob=0.2),
    dict(type='BlockMask', grid=4, num_masked=9, min_block=2),
    dict(type='PackTwoViews'),
]
train_dataloader = dict(
    batch_size=4,
    num_workers=0,
    persistent_workers=False,  # mmpretrain's own tool does not see to it
    dataset=dict(pipeline=train_pipeline),
)
auto_scale_lr = dict(base_batch_size=4)
param_scheduler = dict(warmup=1)
train_cfg = dict(max_epochs=2)
default_hooks = dict(logger=dict(interval=2))
