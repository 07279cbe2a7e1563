# Fine-tuning of SiameseIM's ViT-B/16 on Food-101.
#
# Command, 8 GPUs, 128 images each:
#   tools/dist_train.sh configs/classification/THIS_FILE 8 --data food-101
# One GPU: the learning rate follows the batch.
#   python tools/train.py configs/classification/THIS_FILE --data food-101
# Hardware: GPUs of 24 GB or more (estimated).
# Expected: not yet run here; no published result known to us.
# Numbers: those of ImageNet, not tuned for Food-101.
_base_ = ['./_base_/finetune_vit-base.py']

food = dict(type='Food101', data_root='data/food-101')
model = dict(head=dict(num_classes=101))
data_preprocessor = dict(num_classes=101)
train_dataloader = dict(batch_size=128, dataset=dict(**food, split='train'))
val_dataloader = dict(batch_size=128, dataset=dict(**food, split='test'))
test_dataloader = dict(batch_size=128, dataset=dict(**food, split='test'))
