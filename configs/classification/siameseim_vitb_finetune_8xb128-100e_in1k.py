# Fine-tuning of SiameseIM's ViT-B/16 on ImageNet-1k: the recipe of the paper.
#
# Command, 8 GPUs, 128 images each (weights: sim_base_1600ep_pretrain.pth in
# the current folder, or
# --cfg-options model.backbone.init_cfg.checkpoint=FILE):
#   tools/dist_train.sh configs/classification/THIS_FILE 8 --data imagenet
# Any data set with one folder per class: --data FOLDER with train/ and val/.
# With another number of images a step the learning rate follows.
# Hardware: 8 GPUs of 24 GB or more (estimated).
# Expected: not yet run here; published: 84.1 top-1 (84.118 for the released
# fine-tuned weights).
# Numbers: https://arxiv.org/abs/2206.01204; what it does not name is the MAE
# recipe of mmpretrain (https://arxiv.org/abs/2111.06377, table 9).
_base_ = ['./_base_/finetune_vit-base.py']
