# Ablation: view 2 gets the colour changes drawn for view 1.
_base_ = ['siameseim.py']

train_pipeline = _base_.train_pipeline
train_pipeline[1]['view'] = (1, 2)
del train_pipeline[2]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
