# Ablation: view 2 has view 1's crop and flip; only its colours differ.
_base_ = ['siameseim.py']

train_pipeline = _base_.train_pipeline
train_pipeline[0]['shared_crop'] = True
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
