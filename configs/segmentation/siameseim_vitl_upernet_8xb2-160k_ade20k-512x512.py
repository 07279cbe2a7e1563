# UperNet on ADE20K with SiameseIM's ViT-L/16.
#
# Command, 8 GPUs: tools/dist_train.sh configs/segmentation/THIS_FILE 8
# Hardware: 8 GPUs of 32 GB or more (estimated).
# Expected: not yet run; there are no published weights of this size.
# Numbers: the ViT-B recipe; layer decay and drop path for 24 blocks are our
# choice.
_base_ = ['./siameseim_vitb_upernet_8xb2-160k_ade20k-512x512.py']

model = dict(
    backbone=dict(
        arch='large',  # maps of the blocks 7, 11, 15, 23
        drop_path_rate=0.2,
        init_cfg=dict(
            checkpoint='work_dirs/siameseim_vitl_pretrain/epoch_1600.pth'
        ),
    ),
    neck=dict(embed_dim=1024),
    decode_head=dict(in_channels=[1024, 1024, 1024, 1024], channels=1024),
    auxiliary_head=dict(in_channels=1024),
)
optim_wrapper = dict(paramwise_cfg=dict(layer_decay_rate=0.75))
