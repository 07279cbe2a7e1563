# UperNet on SiameseIM's ViT-B/16: model, optimizer and schedule of method.md
# section 9, which are MAE's (https://arxiv.org/abs/2111.06377, appendix A.4).
_base_ = [
    'mmseg::_base_/models/upernet_beit.py',  # UperNet for ViTs, 768 wide
    'mmseg::_base_/schedules/schedule_160k.py',
    './runtime.py',
]

model = dict(
    data_preprocessor=dict(
        # Whole patches: mmseg pads here and crops the prediction.
        test_cfg=dict(size_divisor=16),
    ),
    backbone=dict(
        _delete_=True,
        type='SiameseIMViT',  # maps of the blocks 3, 5, 7, 11
        arch='base',
        img_size=512,
        drop_path_rate=0.1,
        # The one line for the weights: any layout, see docs/segmentation.md.
        init_cfg=dict(
            type='Pretrained', checkpoint='sim_base_1600ep_pretrain.pth'
        ),
    ),
)

optim_wrapper = dict(
    _delete_=True,
    type='mmpretrain.AutocastOptimWrapper',
    precision='auto',  # bf16 where the hardware has it
    constructor='BackboneLayerDecay',
    optimizer=dict(
        type='AdamW', lr=1e-4, betas=(0.9, 0.999), weight_decay=0.05
    ),
    paramwise_cfg=dict(layer_decay_rate=0.65),
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
        end=160000,
    ),
]
