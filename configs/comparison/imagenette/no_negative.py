# Ablation: no negative term in the loss.
_base_ = ['small_data.py']

model = dict(head=dict(neg_weight=0.0))
