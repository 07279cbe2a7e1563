# Ablation: as many patches are hidden, but not in blocks.
_base_ = ['siameseim.py']

train_pipeline = _base_.train_pipeline
train_pipeline[3]['blocks'] = False
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
