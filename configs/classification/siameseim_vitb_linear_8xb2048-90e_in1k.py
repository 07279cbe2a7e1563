# Linear probe of SiameseIM's frozen ViT-B/16 on ImageNet-1k.
#
# Command, 8 GPUs, 2048 images each:
#   tools/dist_train.sh configs/classification/THIS_FILE 8 --data imagenet
# One GPU, the same 16384 images a step:
#   python tools/train.py configs/classification/THIS_FILE --data imagenet \
#       --cfg-options optim_wrapper.accumulative_counts=8
# Hardware: GPUs of 16 GB or more (estimated), for one linear layer.
# Expected: not yet run here; published: 78.0 top-1.
# Numbers: https://arxiv.org/abs/2206.01204 and MAE's linear probe
# (https://arxiv.org/abs/2111.06377, table 10).
_base_ = ['./_base_/linear_vit-base.py']
