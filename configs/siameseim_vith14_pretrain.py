# SiameseIM ViT-H/14, 1600 epochs on ImageNet-1k.
#
# Command, 8 machines of 8 GPUs, on each (64 images a GPU):
#   NNODES=8 NODE_RANK=... MASTER_ADDR=... \
#   tools/dist_train.sh configs/siameseim_vith14_pretrain.py 8 --data IMAGENET
# On 8 GPUs add: --cfg-options optim_wrapper.accumulative_counts=8
# Hardware: 64 images a GPU; memory not measured.
# Expected: not yet run.
# Numbers: the ViT-B recipe. Our choices: a decoder as wide as the encoder
# with 16 heads; 154 of 16 x 16 patches masked, the share of 118 of 196.
_base_ = ['siameseim_vitb_pretrain.py']

model = dict(
    backbone=dict(arch='huge', patch_size=14),
    neck=dict(embed_dims=1280, num_heads=16),
)
train_pipeline = [
    dict(type='TwoViews', size=224),
    dict(type='ViewPhotometric', view=1, blur_prob=1.0),
    dict(type='ViewPhotometric', view=2, blur_prob=0.1, solarize_prob=0.2),
    dict(type='BlockMask', grid=16, num_masked=154),
    dict(type='PackTwoViews'),
]
train_dataloader = dict(batch_size=64, dataset=dict(pipeline=train_pipeline))
