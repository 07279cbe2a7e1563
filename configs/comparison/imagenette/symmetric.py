# Ablation: each view is predicted from the other; half the images a batch.
_base_ = ['small_data.py']

model = dict(data_preprocessor=dict(symmetric=True))
train_dataloader = dict(batch_size=16)
auto_scale_lr = dict(base_batch_size=16)
