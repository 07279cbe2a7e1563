# Proof that gradients, targets and coordinates are right: a small ViTDet
# Mask R-CNN without pretraining learns 8 images of COCO by heart.
#
# Command:
#   python tools/train.py configs/detection/THIS_FILE --data COCO
# Hardware: any; four minutes of one core.
# Expected: see docs/detection.md. Meaningless as a benchmark.
# Numbers: ours.
_base_ = ['./siameseim_vitb_vitdet_mask-rcnn_8xb8-lsj-100e_coco.py']

size = (256, 256)
width = 96
channels = 48
model = dict(
    data_preprocessor=dict(pad_size_divisor=256),
    backbone=dict(
        arch=dict(
            _delete_=True,
            embed_dims=width,
            num_layers=4,
            num_heads=4,
            feedforward_channels=4 * width,
        ),
        img_size=256,
        window_size=7,  # of 16: padded windows are part of the proof
        drop_path_rate=0.0,
        init_cfg=None,
    ),
    neck=dict(in_channels=width, out_channels=channels),
    rpn_head=dict(in_channels=channels, feat_channels=channels),
    roi_head=dict(
        bbox_roi_extractor=dict(out_channels=channels),
        bbox_head=dict(
            in_channels=channels,
            conv_out_channels=channels,
            fc_out_channels=256,
        ),
        mask_roi_extractor=dict(out_channels=channels),
        mask_head=dict(in_channels=channels, conv_out_channels=channels),
    ),
    train_cfg=dict(
        rpn_proposal=dict(max_per_img=200),
        rcnn=dict(sampler=dict(num=64)),
    ),
    test_cfg=dict(rpn=dict(max_per_img=200)),
)

# Flipping stays: boxes or masks not flipped with their image would show.
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', with_bbox=True, with_mask=True),
    dict(type='Resize', scale=size, keep_ratio=True),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackDetInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=size, keep_ratio=True),
    dict(type='LoadAnnotations', with_bbox=True, with_mask=True),
    dict(
        type='PackDetInputs',
        meta_keys=(
            'img_id',
            'img_path',
            'ori_shape',
            'img_shape',
            'scale_factor',
            'instances',  # ground truth for the metric, of these images only
        ),
    ),
]
train_dataloader = dict(
    batch_size=4,
    num_workers=2,
    dataset=dict(
        _delete_=True,
        type='RepeatDataset',
        times=20,
        dataset=dict(
            type='CocoDataset',
            data_root='data/coco/',
            ann_file='annotations/instances_train2017.json',
            data_prefix=dict(img='train2017/'),
            filter_cfg=dict(filter_empty_gt=True, min_size=32),
            indices=8,
            pipeline=train_pipeline,
        ),
    ),
)
# The same images, hence the same filter.
test_dataset = dict(
    ann_file='annotations/instances_train2017.json',
    data_prefix=dict(img='train2017/'),
    filter_cfg=dict(filter_empty_gt=True, min_size=32),
    indices=8,
    test_mode=False,
    pipeline=test_pipeline,
)
val_dataloader = dict(dataset=test_dataset)
test_dataloader = dict(dataset=test_dataset)
val_evaluator = dict(ann_file=None)
test_evaluator = dict(ann_file=None)

epochs = 10  # of 40 iterations
train_cfg = dict(max_epochs=epochs, val_interval=epochs)
optim_wrapper = dict(
    optimizer=dict(lr=1e-3), paramwise_cfg=dict(layer_decay_rate=1.0)
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=20),
    dict(
        type='CosineAnnealingLR',
        by_epoch=True,
        convert_to_iter_based=True,
        begin=0,
        end=epochs,
        eta_min=0.0,
    ),
]
default_hooks = dict(
    logger=dict(interval=20), checkpoint=dict(interval=epochs)
)
randomness = dict(seed=0)
