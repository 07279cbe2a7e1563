# Top-1 of the published fine-tuned ViT-B/16 on ImageNet-1k val.
#
# Command, with the published file and data/imagenet/val/n01440764/*.JPEG ...:
#   python tools/convert.py PUBLISHED.pth work_dirs/finetuned.pth \
#       --to mmpretrain-classifier
#   python tools/test.py configs/published/THIS_FILE \
#       work_dirs/finetuned.pth --data data/imagenet
# Hardware: any; 50 000 forward passes of a ViT-B/16 at 224 pixels.
# Expected: accuracy/top1 84.118, the published figure. Not run here: neither
# file nor ImageNet is at hand. The commands were run on random weights of the
# same layout and a few images in 1000 folders.
# Numbers: those of the released weights. Preprocessing: short side to 256
# (bicubic), central 224 x 224, as MAE's evaluation, from which it derives.
custom_imports = dict(imports=['siameseim'], allow_failed_imports=False)
default_scope = 'mmpretrain'
data_preprocessor = dict(
    num_classes=1000,
    mean=[123.675, 116.28, 103.53],
    std=[58.395, 57.12, 57.375],
    to_rgb=True,
)
model = dict(
    type='ImageClassifier',
    backbone=dict(
        type='SiameseIMViT',
        arch='base',
        img_size=224,
        patch_size=16,
        out_type='avg_featmap',
    ),
    head=dict(
        type='LinearClsHead',
        num_classes=1000,
        in_channels=768,
        topk=(1, 5),
    ),
)
test_dataloader = dict(
    batch_size=64,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='ImageNet',
        data_root='data/imagenet',
        split='val',
        pipeline=[
            # Pillow's bicubic smooths when it shrinks; OpenCV's does not
            dict(type='LoadImageFromFile', imdecode_backend='pillow'),
            dict(
                type='ResizeEdge',
                scale=256,
                edge='short',
                backend='pillow',
                interpolation='bicubic',
            ),
            dict(type='CenterCrop', crop_size=224),
            dict(type='PackInputs'),
        ],
    ),
)
test_evaluator = dict(type='Accuracy', topk=(1, 5))
test_cfg = dict()
