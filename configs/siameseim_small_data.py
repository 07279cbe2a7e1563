# Small data, short schedule: what let SiameseIM learn on a CPU.
#
# Command, with imagenette_128_train.tar unpacked (any folder does):
#   python tools/train.py configs/siameseim_small_data.py \
#       --data imagenette/train
# Hardware: one or two CPU cores.
# Expected: docs/comparison.md holds what was measured, on three epochs.
# Numbers: our choice, not the paper's. Against siameseim_imagenette.py:
# - batch 32 and lr 1e-3: four times the steps an epoch;
# - the frozen patch embedding is whitened, and so is the target: else both are
#   mostly the brightness of a patch;
# - a norm before the predictor: else its positions drown in growing tokens;
# - projector and predictor as deep, against the encoder, as for ViT-B;
# - blur of 0.1 to 2.0 pixels at 224, scaled to 64.
_base_ = ['siameseim_imagenette.py']

model = dict(
    neck=dict(projector_depth=1, predictor_depth=2, input_norm=True),
    head=dict(whiten_target=True),
)

train_pipeline = [
    dict(type='TwoViews', size=64, area=(0.2, 1.0)),
    dict(
        type='ViewPhotometric',
        view=1,
        blur_prob=1.0,
        blur_sigma=(0.03, 0.57),
    ),
    dict(
        type='ViewPhotometric',
        view=2,
        blur_prob=0.1,
        blur_sigma=(0.03, 0.57),
        solarize_prob=0.2,
    ),
    dict(type='BlockMask', grid=8, num_masked=38, min_block=5),
    dict(type='PackTwoViews'),
]
train_dataloader = dict(
    batch_size=32, dataset=dict(pipeline=train_pipeline, cache=True)
)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
auto_scale_lr = dict(base_batch_size=32)

custom_hooks = _base_.custom_hooks
custom_hooks.append(dict(type='PatchWhiteningHook', images=512, ridge=0.1))
