# Ablation: the target is the online branch of the step before.
_base_ = ['small_data.py']

custom_hooks = _base_.custom_hooks
custom_hooks[0] = dict(
    type='MomentumTargetHook', base_momentum=0.0, final_momentum=0.0
)
