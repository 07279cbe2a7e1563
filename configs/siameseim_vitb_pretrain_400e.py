# SiameseIM ViT-B/16, 400 epochs: the 1600-epoch recipe with a shorter cosine.
#
# Command, 8 GPUs of one machine:
#   tools/dist_train.sh configs/siameseim_vitb_pretrain_400e.py 8 \
#       --data IMAGENET
# Hardware: as siameseim_vitb_pretrain.py, a quarter of the time.
# Expected: not yet run.
# Numbers: https://arxiv.org/abs/2206.01204 (warm-up stays at 40 epochs).
_base_ = ['siameseim_vitb_pretrain.py']

train_cfg = dict(max_epochs=400)
