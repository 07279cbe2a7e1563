# Heads, test settings and hooks for LVIS v1: federated loss over 50 classes,
# 300 detections above 0.02 (method.md section 9;
# https://arxiv.org/abs/2103.07461, section 5.1).
lvis_heads = dict(
    bbox_head=dict(
        num_classes=1203,
        loss_cls=dict(
            _delete_=True,
            type='SiameseIMFederatedLoss',
            num_classes=1203,
            num_classes_counted=50,
            power=0.5,
        ),
    ),
    mask_head=dict(num_classes=1203),
)
lvis_test = dict(rcnn=dict(score_thr=0.02, max_per_img=300))
lvis_hooks = [
    dict(type='SiameseIMDetectionCheckHook'),
    dict(type='SiameseIMImageCountHook'),  # for the federated loss
]
