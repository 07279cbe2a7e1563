# Ablation of `colour`: view 2 gets the colour changes drawn for view 1.
_base_ = ['small_data.py']

train_pipeline = _base_.train_pipeline
train_pipeline.insert(
    1, dict(type='ViewPhotometric', view=(1, 2), blur_prob=1.0)
)
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
