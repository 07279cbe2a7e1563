# Ablation: the online branch sees all of view 1.
_base_ = ['siameseim.py']

train_pipeline = _base_.train_pipeline
train_pipeline[3]['num_masked'] = 0
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
