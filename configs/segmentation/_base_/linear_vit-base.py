# A linear classifier of patches on the frozen ViT-B/16. Only BatchNorm
# statistics and one 1x1 convolution are learnt. Numbers: DINOv2's linear
# evaluation (https://arxiv.org/abs/2304.07193, and its public configs).
_base_ = ['mmseg::_base_/schedules/schedule_40k.py', './runtime.py']

model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=255,
        # Whole patches: mmseg pads here and crops the prediction.
        test_cfg=dict(size_divisor=16),
    ),
    backbone=dict(
        type='SiameseIMViT',
        arch='base',
        img_size=512,
        out_indices=[-1],
        frozen_stages='all',
        # The one line for the weights: any layout, see docs/segmentation.md.
        init_cfg=dict(
            type='Pretrained', checkpoint='sim_base_1600ep_pretrain.pth'
        ),
    ),
    decode_head=dict(
        type='SiameseIMLinearSegHead',
        in_channels=768,
        channels=768,
        dropout_ratio=0,
        norm_cfg=dict(type='SyncBN'),
        align_corners=False,
        loss_decode=dict(type='CrossEntropyLoss', use_sigmoid=False),
    ),
    train_cfg=dict(),
)

optim_wrapper = dict(
    _delete_=True,
    type='mmpretrain.AutocastOptimWrapper',
    precision='auto',  # bf16 where the hardware has it
    optimizer=dict(
        type='AdamW',
        lr=1e-3,
        betas=(0.9, 0.999),
        weight_decay=1e-4,
        fused=True,
    ),
)

param_scheduler = [
    dict(
        type='LinearLR', start_factor=1e-6, by_epoch=False, begin=0, end=1500
    ),
    dict(
        type='PolyLR',
        power=1.0,
        eta_min=0.0,
        by_epoch=False,
        begin=1500,
        end=40000,
    ),
]
