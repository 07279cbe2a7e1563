# Ablation: view 2 has view 1's crop and flip: the same pixels.
_base_ = ['small_data.py']

train_pipeline = _base_.train_pipeline
train_pipeline[0]['shared_crop'] = True
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
