# What every detection config adds to mmdet's runtime.
_base_ = ['mmdet::_base_/default_runtime.py']

custom_imports = dict(imports=['siameseim'], allow_failed_imports=False)
custom_hooks = [dict(type='SiameseIMDetectionCheckHook')]
