# Linear probe of SiameseIM's frozen ViT-B/16 on CIFAR-10, at 224 pixels.
#
# Command, one GPU, the same 1024 images a step:
#   python tools/train.py configs/classification/THIS_FILE --data cifar10 \
#       --cfg-options train_dataloader.batch_size=1024
# Hardware: a GPU of 8 GB or more (estimated), for one linear layer.
# Expected: not yet run here; no published result known to us.
# Numbers: the linear probe of ImageNet; the batch is ours.
_base_ = ['./_base_/linear_vit-base.py']

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
