# SiameseIM ViT-S/16, 200 passes over Imagenette, with what small sets need.
#
# Command, again and again until its status is 0:
#   tools/gpu_imagenette.sh DATA WORK_DIR
# Hardware: one H100 and 16 cores; 180 of the 200 passes took 528 s.
# Expected: k-NN 84.7 % after these; the rest was not run (docs/comparison.md).
# Numbers: those of siameseim_vits_small_data.py. An epoch is forty passes over
# all images, as workers have nothing to prepare at the end of an epoch, and
# images are decoded once, into memory (that run decoded them each time).
_base_ = ['../siameseim_vits_small_data.py']

train_dataloader = dict(dataset=dict(repeats=40, cache=True))
param_scheduler = dict(warmup=0.25)
train_cfg = dict(max_epochs=5)

default_hooks = dict(
    checkpoint=dict(interval=1),
    knn=dict(interval=1, budget=None),
)
