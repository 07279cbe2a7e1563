# What every detection config adds to mmdet's runtime.
_base_ = ['mmdet::_base_/default_runtime.py']

custom_imports = dict(imports=['siameseim'], allow_failed_imports=False)
custom_hooks = [dict(type='SiameseIMDetectionCheckHook')]
# A checkpoint of ViT-B with its optimizer has 1.4 GB, and there are up to 100.
default_hooks = dict(checkpoint=dict(max_keep_ckpts=2))
