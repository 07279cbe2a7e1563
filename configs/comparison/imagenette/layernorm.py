# Ablation: LayerNorm in the projector, where the method has BatchNorm.
_base_ = ['siameseim.py']

model = dict(neck=dict(projector_norm='LN'))
