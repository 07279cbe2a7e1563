# Ablation: as many patches are hidden, but not in blocks.
_base_ = ['small_data.py']

train_pipeline = _base_.train_pipeline
train_pipeline[1]['blocks'] = False
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
