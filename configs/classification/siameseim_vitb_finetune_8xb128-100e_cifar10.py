# Fine-tuning of SiameseIM's ViT-B/16 on CIFAR-10, enlarged to 224 pixels.
#
# Command, 8 GPUs, 128 images each:
#   tools/dist_train.sh configs/classification/THIS_FILE 8 --data cifar10
# cifar10 holds cifar-10-batches-py, or train and test with one folder of
# images per class. Without --data the set is fetched into data/cifar10.
# Hardware: 8 GPUs of 24 GB or more (estimated).
# Expected: not yet run here; no published result known to us.
# Numbers: those of ImageNet, with random crop and flip only; not tuned.
_base_ = ['./_base_/finetune_vit-base.py']

# The stock data set gives decoded RGB images: nothing to load or to swap.
resize = dict(backend='pillow', interpolation='bicubic')
train_pipeline = [
    dict(type='RandomResizedCrop', scale=224, **resize),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='PackInputs'),
]
test_pipeline = [
    dict(type='Resize', scale=(224, 224), **resize),
    dict(type='PackInputs'),
]

cifar = dict(type='CIFAR10', data_root='data/cifar10')
testing = dict(**cifar, split='test', pipeline=test_pipeline)
model = dict(head=dict(num_classes=10))
data_preprocessor = dict(num_classes=10, to_rgb=False)
train_dataloader = dict(
    batch_size=128,
    dataset=dict(**cifar, split='train', pipeline=train_pipeline),
)
val_dataloader = dict(batch_size=128, dataset=testing)
test_dataloader = dict(batch_size=128, dataset=testing)
