# UperNet on ADE20K with SiameseIM's ViT-B/16: the recipe of the paper.
#
# Command, 8 GPUs, 2 images each (weights: sim_base_1600ep_pretrain.pth in the
# current folder, or --cfg-options model.backbone.init_cfg.checkpoint=FILE):
#   tools/dist_train.sh configs/segmentation/THIS_FILE 8
# One GPU, the same batch of 16:
#   python tools/train.py configs/segmentation/THIS_FILE \
#       --cfg-options train_dataloader.batch_size=16
# Multi-scale and flip: python tools/test.py CONFIG CHECKPOINT --tta
# Hardware: 8 GPUs of 16 GB or more (estimated).
# Expected: not yet run here; published with these weights: 51.1 mIoU.
# Numbers: https://arxiv.org/abs/2206.01204; sliding test windows as BEiT
# (https://arxiv.org/abs/2106.08254).
_base_ = [
    './_base_/upernet_vit-base.py',
    'mmseg::_base_/datasets/ade20k.py',
]

model = dict(
    data_preprocessor=dict(size=(512, 512)),
    test_cfg=dict(mode='slide', crop_size=(512, 512), stride=(341, 341)),
)
train_dataloader = dict(batch_size=2)

# The stock pipeline scales by the size of each photograph; these ratios are
# of the test scale, shorter side 512.
tta_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(
        type='TestTimeAug',
        transforms=[
            [
                dict(
                    type='Resize',
                    scale=(int(2048 * ratio), int(512 * ratio)),
                    keep_ratio=True,
                )
                for ratio in [0.5, 0.75, 1.0, 1.25, 1.5, 1.75]
            ],
            [
                dict(type='RandomFlip', prob=0.0, direction='horizontal'),
                dict(type='RandomFlip', prob=1.0, direction='horizontal'),
            ],
            [dict(type='LoadAnnotations')],
            [dict(type='PackSegInputs')],
        ],
    ),
]
