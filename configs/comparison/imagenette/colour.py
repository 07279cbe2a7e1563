# Ablation: the colour changes and the blur of the paper's recipe, each view
# its own.
_base_ = ['small_data.py']

train_pipeline = _base_.train_pipeline
train_pipeline[1:1] = [
    dict(type='ViewPhotometric', view=1, blur_prob=1.0),
    dict(type='ViewPhotometric', view=2, blur_prob=0.1, solarize_prob=0.2),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
