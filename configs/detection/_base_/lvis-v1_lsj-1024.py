# LVIS v1 with repeat-factor sampling at 0.001 (mmdet's stock wrapper) and
# the pipelines of COCO.
_base_ = ['mmdet::_base_/datasets/lvis_v1_instance.py', './lsj-1024.py']

train_dataloader = dict(
    batch_size=8,
    num_workers=8,
    dataset=dict(
        oversample_thr=1e-3, dataset=dict(pipeline=_base_.lsj_train_pipeline)
    ),
)
val_dataloader = dict(dataset=dict(pipeline=_base_.lsj_test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=_base_.lsj_test_pipeline))
val_evaluator = dict(type='SiameseIMLVISMetric')
test_evaluator = dict(type='SiameseIMLVISMetric')
