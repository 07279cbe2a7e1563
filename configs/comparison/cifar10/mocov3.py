# Row of the comparison on CIFAR-10: 8 x 8 patches of 4 pixels.
#
# Command: python tools/compare.py run cifar10/mocov3 --seed 0 \
#     --data cifar10 --epochs 3 --out results
# (train and test in it, each with one folder of images per class)
_base_ = ['../imagenette/mocov3.py']

model = dict(
    backbone=dict(img_size=32, patch_size=4),
)
train_pipeline = _base_.train_pipeline
train_pipeline[0]['size'] = 32
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
