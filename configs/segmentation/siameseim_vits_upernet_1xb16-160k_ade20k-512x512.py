# UperNet on ADE20K for one GPU, with the ViT-S/16 that one GPU trains.
#
# Command:
#   python tools/train.py configs/segmentation/THIS_FILE \
#       --cfg-options model.backbone.init_cfg.checkpoint=FILE
# Hardware: one GPU; memory not measured. If it does not fit:
#   model.backbone.with_cp=True
# Expected: not yet run; compare with nothing but itself.
# Numbers: the ViT-B recipe, all 16 images of a step on one GPU.
_base_ = ['./siameseim_vitb_upernet_8xb2-160k_ade20k-512x512.py']

model = dict(
    backbone=dict(
        arch='small',
        init_cfg=dict(
            checkpoint='work_dirs/siameseim_vits_small_data/epoch_200.pth'
        ),
    ),
    neck=dict(embed_dim=384),
    decode_head=dict(in_channels=[384, 384, 384, 384]),
    auxiliary_head=dict(in_channels=384),
)
train_dataloader = dict(batch_size=16)
