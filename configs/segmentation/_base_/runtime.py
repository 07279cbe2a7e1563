# What every segmentation config adds to mmseg's runtime.
_base_ = ['mmseg::_base_/default_runtime.py']

custom_imports = dict(imports=['siameseim'], allow_failed_imports=False)
custom_hooks = [
    dict(type='SiameseIMSegmentationCheckHook'),
    dict(type='SiameseIMFirstLabelsHook'),
]
