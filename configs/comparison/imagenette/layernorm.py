# Ablation: LayerNorm in the projector, where the method has BatchNorm.
_base_ = ['small_data.py']

model = dict(neck=dict(projector_norm='LN'))
