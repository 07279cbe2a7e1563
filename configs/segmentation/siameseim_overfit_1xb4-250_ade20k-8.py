# Proof that gradients, targets and coordinates are right: a small UperNet
# without pretraining learns 8 images of ADE20K by heart.
#
# Command:
#   python tools/train.py configs/segmentation/THIS_FILE --data ADE20K
# Hardware: any; two minutes of one core.
# Expected: see docs/segmentation.md. Meaningless as a benchmark.
# Numbers: ours.
_base_ = ['./siameseim_vitb_upernet_8xb2-160k_ade20k-512x512.py']

size = (128, 128)
width = 96
model = dict(
    data_preprocessor=dict(size=size, test_cfg=dict(size_divisor=8)),
    backbone=dict(
        arch=dict(
            _delete_=True,
            embed_dims=width,
            num_layers=4,
            num_heads=4,
            feedforward_channels=4 * width,
        ),
        patch_size=8,
        img_size=128,
        out_indices=[0, 1, 2, 3],
        drop_path_rate=0.0,
        init_cfg=None,
    ),
    neck=dict(embed_dim=width),
    decode_head=dict(in_channels=[width] * 4, channels=48, dropout_ratio=0.0),
    auxiliary_head=dict(in_channels=width, channels=32, dropout_ratio=0.0),
    test_cfg=dict(_delete_=True, mode='whole'),
)

# Flipping stays: a mask that is not flipped with its image would show.
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', reduce_zero_label=True),
    dict(type='Resize', scale=size, keep_ratio=False),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=size, keep_ratio=False),
    dict(type='LoadAnnotations', reduce_zero_label=True),
    dict(type='PackSegInputs'),
]
images = dict(
    indices=8,
    data_prefix=dict(
        img_path='images/training', seg_map_path='annotations/training'
    ),
)
train_dataloader = dict(
    batch_size=4, dataset=dict(**images, pipeline=train_pipeline)
)
val_dataloader = dict(dataset=dict(**images, pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(**images, pipeline=test_pipeline))

iterations = 250
train_cfg = dict(max_iters=iterations, val_interval=iterations)
optim_wrapper = dict(
    optimizer=dict(lr=2e-3), paramwise_cfg=dict(layer_decay_rate=1.0)
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=20),
    dict(
        type='PolyLR',
        power=1.0,
        eta_min=0.0,
        by_epoch=False,
        begin=20,
        end=iterations,
    ),
]
default_hooks = dict(
    logger=dict(interval=20), checkpoint=dict(interval=iterations)
)
randomness = dict(seed=0)
