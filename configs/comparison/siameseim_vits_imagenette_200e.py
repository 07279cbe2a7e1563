# SiameseIM ViT-S/16, 200 passes over Imagenette, as the paper has it.
#
# Command, again and again until its status is 0:
#   CONFIG=THIS_FILE tools/gpu_imagenette.sh DATA WORK_DIR
# Hardware: one H100 and 16 cores; not run yet (its whitened variant was).
# Expected: not yet run. Published with the same ViT, data, size, epochs and
# batches of 128 to 256 (k-NN, k = 20): SwAV 86.4 %, DINO 83.8 %, MoCo v3
# 82.6 %, MAE 72.1 %.
# Numbers: those of the whitened variant, without the parts that are not in
# the paper, with the paper's mask and batches of 256.
_base_ = ['siameseim_vits_imagenette_200e_whitened.py']

model = dict(neck=dict(input_norm=False), head=dict(whiten_target=False))
train_pipeline = _base_.train_pipeline
train_pipeline[3]['num_masked'] = 118
train_dataloader = dict(batch_size=256, dataset=dict(pipeline=train_pipeline))
optim_wrapper = dict(optimizer=dict(lr=5e-4))
auto_scale_lr = dict(base_batch_size=256)
custom_hooks = _base_.custom_hooks[:-1]  # without PatchWhiteningHook
