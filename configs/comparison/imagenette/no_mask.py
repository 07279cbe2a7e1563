# Ablation: the online branch sees all of view 1.
_base_ = ['small_data.py']

train_pipeline = _base_.train_pipeline
train_pipeline[1]['num_masked'] = 0
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
