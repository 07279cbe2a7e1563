# SiameseIM ViT-T/16, 400 epochs on ImageNet-1k.
#
# Command, 8 GPUs of one machine:
#   tools/dist_train.sh configs/siameseim_vitt_pretrain.py 8 --data IMAGENET
# Hardware: 512 images a GPU; memory not measured. If it does not fit,
# lower batch_size and raise accumulative_counts, as in the ViT-B recipe.
# Expected: not yet run.
# Numbers: the ViT-B recipe. The paper has no ViT-T: the decoder as wide as
# the encoder, with ViT-B's 48 channels a head, is our choice.
_base_ = ['siameseim_vitb_pretrain_400e.py']

model = dict(
    backbone=dict(arch='tiny'), neck=dict(embed_dims=192, num_heads=4)
)
