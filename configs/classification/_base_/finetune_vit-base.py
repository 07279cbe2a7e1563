# Fine-tuning of the whole ViT-B/16: mmpretrain's own recipe for MAE, with the
# numbers of SiameseIM (method.md section 9) where they differ. Mean of the
# patch tokens -> LayerNorm -> Linear.
_base_ = ['mmpretrain::mae/benchmarks/vit-base-p16_8xb128-coslr-100e_in1k.py']

custom_imports = dict(imports=['siameseim'], allow_failed_imports=False)

model = dict(
    backbone=dict(
        type='SiameseIMViT',
        frozen_patch_embed=False,  # frozen in pretraining only
        # The one line for the weights: any layout, see
        # docs/classification.md.
        init_cfg=dict(
            _delete_=True,
            type='Pretrained',
            checkpoint='sim_base_1600ep_pretrain.pth',
        ),
    ),
)

base_lr = 2.5e-4 * 1024 / 256
optim_wrapper = dict(
    type='AutocastOptimWrapper',
    precision='auto',  # bf16 where the hardware has it
    optimizer=dict(lr=base_lr, fused=True),
)
auto_scale_lr = dict(enable=True, base_batch_size=1024)

epochs, warmup = 100, 5
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
        # As a ratio, so that each layer ends at its own share of 1e-6.
        eta_min_ratio=1e-6 / base_lr,
        T_max=epochs - warmup,
        begin=warmup,
        end=epochs,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
]
train_cfg = dict(max_epochs=epochs)

default_hooks = dict(
    checkpoint=dict(max_keep_ckpts=2, save_best='accuracy/top1')
)
