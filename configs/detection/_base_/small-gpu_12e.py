# mmdet's 1x for one small GPU: 2 images an iteration, 8 for a step of 16.
small_gpu_schedule = [
    dict(
        type='LinearLR',
        start_factor=0.001,
        by_epoch=False,
        begin=0,
        end=250 * 8,  # iterations of 2 images
    ),
    dict(
        type='MultiStepLR',
        by_epoch=True,
        begin=0,
        end=12,
        milestones=[8, 11],
        gamma=0.1,
    ),
]
