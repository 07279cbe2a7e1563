# COCO with large-scale jitter around 1024 pixels.
_base_ = ['mmdet::_base_/datasets/coco_instance.py', './lsj-1024.py']

train_dataloader = dict(
    batch_size=8,
    num_workers=8,
    dataset=dict(pipeline=_base_.lsj_train_pipeline),
)
val_dataloader = dict(dataset=dict(pipeline=_base_.lsj_test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=_base_.lsj_test_pipeline))
