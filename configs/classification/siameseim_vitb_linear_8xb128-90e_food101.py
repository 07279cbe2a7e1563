# Linear probe of SiameseIM's frozen ViT-B/16 on Food-101.
#
# Command, one GPU, the same 1024 images a step:
#   python tools/train.py configs/classification/THIS_FILE --data food-101 \
#       --cfg-options train_dataloader.batch_size=1024
# Hardware: a GPU of 8 GB or more (estimated), for one linear layer.
# Expected: not yet run here; other work reports 71.01 top-1 for the published
# weights with a frozen backbone and a linear head, without its settings.
# Numbers: the linear probe of ImageNet; the batch is ours, since 16384 would
# leave 5 steps an epoch.
_base_ = ['./_base_/linear_vit-base.py']

food = dict(type='Food101', data_root='data/food-101')
model = dict(head=dict(num_classes=101))
data_preprocessor = dict(num_classes=101)
train_dataloader = dict(batch_size=128, dataset=dict(**food, split='train'))
val_dataloader = dict(batch_size=128, dataset=dict(**food, split='test'))
test_dataloader = dict(batch_size=128, dataset=dict(**food, split='test'))
