# SiameseIM ViT-L/16, 1600 epochs on ImageNet-1k.
#
# Command, 4 machines of 8 GPUs, on each (128 images a GPU):
#   NNODES=4 NODE_RANK=... MASTER_ADDR=... \
#   tools/dist_train.sh configs/siameseim_vitl_pretrain.py 8 --data IMAGENET
# On 8 GPUs add: --cfg-options optim_wrapper.accumulative_counts=4
# Hardware: 128 images a GPU; a benchmark on an H100 took 44 GiB and made
# 979 images/s.
# Expected: not yet run.
# Numbers: the ViT-B recipe. The paper's decoder width for ViT-L is not
# known: as wide as the encoder, 16 heads, is our choice.
_base_ = ['siameseim_vitb_pretrain.py']

model = dict(
    backbone=dict(arch='large'), neck=dict(embed_dims=1024, num_heads=16)
)
train_dataloader = dict(batch_size=128)
