# SiameseIM ViT-B/16, 1600 epochs on ImageNet-1k: the recipe of the paper.
#
# Command, 8 GPUs of one machine, 512 images a GPU:
#   tools/dist_train.sh configs/siameseim_vitb_pretrain.py 8 --data IMAGENET
# One GPU, the same global batch of 4096 and the same learning rate; only the
# BatchNorm statistics and the correlation in the loss are those of 128 images:
#   python tools/train.py configs/siameseim_vitb_pretrain.py --data IMAGENET \
#       --cfg-options train_dataloader.batch_size=128 \
#       optim_wrapper.accumulative_counts=32
# Hardware: memory not measured; the published run used 32 V100.
# Expected: not yet run here. The published weights of this recipe reach
# 84.1 % (fine-tuned) and 78.0 % (linear) top-1 on ImageNet.
# Numbers: https://arxiv.org/abs/2206.01204 and its public implementation.
_base_ = [
    '_base_/runtime.py',
    '_base_/two_views.py',
    '_base_/vit-base-p16.py',
    '_base_/adamw_coslr.py',
]
