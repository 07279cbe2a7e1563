# A long run in little: what a setting does over 100 passes, in an hour.
#
# Command: python tools/compare.py run imagenette/proxy --seed 0 \
#     --data imagenette --epochs 100 --interval 20 --out results \
#     --label LABEL --cfg-options SETTING=VALUE
# Hardware: one CPU core, an hour beside other work.
# Expected: docs/comparison.md.
# Numbers: our choice; small_data with colours, 128 wide, at 32 pixels.
_base_ = ['small_data.py']

model = dict(
    backbone=dict(
        arch=dict(
            _delete_=True,  # the base config has a width of 192
            embed_dims=128,
            num_layers=6,
            num_heads=4,
            feedforward_channels=4 * 128,
        ),
        img_size=32,
        patch_size=8,
    ),
)

train_pipeline = [
    dict(type='TwoViews', size=32, area=(0.2, 1.0)),
    dict(type='ViewPhotometric', view=1, blur_prob=1.0),
    dict(type='ViewPhotometric', view=2, blur_prob=0.1, solarize_prob=0.2),
    dict(type='BlockMask', grid=4, num_masked=6, min_block=2),
    dict(type='PackTwoViews'),
]
train_dataloader = dict(batch_size=64, dataset=dict(pipeline=train_pipeline))
default_hooks = dict(logger=dict(interval=100), features=dict(interval=2000))
