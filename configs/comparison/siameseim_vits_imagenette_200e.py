# SiameseIM ViT-S/16, 200 passes over Imagenette at 224 pixels.
#
# Command, again and again until its status is 0:
#   tools/gpu_imagenette.sh DATA WORK_DIR
# Hardware: one H100 and 16 cores; not run yet (its whitened variant was).
# Expected: not yet run. Published with the same ViT, data, size, epochs and
# batches of 128 to 256 (k-NN, k = 20): SwAV 86.4 %, DINO 83.8 %, MoCo v3
# 82.6 %, MAE 72.1 %.
# Numbers: our choice. The model of siameseim_vits_pretrain.py; batch, rate and
# target momentum of a run of 7,375 steps; crops from 20 % of the area, as the
# images have a short side of 128 pixels. An epoch is eight passes over all
# images, as the workers have nothing to prepare at the end of an epoch.
_base_ = ['../siameseim_vits_pretrain.py']

train_pipeline = [
    dict(type='TwoViews', size=224, area=(0.2, 1.0)),
    dict(type='ViewPhotometric', view=1, blur_prob=1.0),
    dict(type='ViewPhotometric', view=2, blur_prob=0.1, solarize_prob=0.2),
    dict(type='BlockMask', grid=14, num_masked=118),
    dict(type='PackTwoViews'),
]
train_dataloader = dict(
    batch_size=256, dataset=dict(pipeline=train_pipeline, repeats=8)
)

optim_wrapper = dict(optimizer=dict(lr=5e-4))
auto_scale_lr = dict(base_batch_size=256)
param_scheduler = dict(warmup=1.25)
train_cfg = dict(max_epochs=25)

custom_hooks = _base_.custom_hooks
custom_hooks[0] = dict(type='MomentumTargetHook', base_momentum=0.99)
default_hooks = dict(
    logger=dict(interval=37),  # once a pass
    checkpoint=dict(interval=1, max_keep_ckpts=1),
    knn=dict(interval=5, budget=None),
)
