# Model of method.md section 3: ViT-B/16, decoder 768 wide with 16 heads.
model = dict(
    type='SiameseIM',
    data_preprocessor=dict(
        type='ViewPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        non_blocking=True,
    ),
    backbone=dict(
        type='SiameseIMViT', arch='base', img_size=224, patch_size=16
    ),
    neck=dict(
        type='SiameseIMNeck',
        embed_dims=768,
        num_heads=16,
        projector_depth=2,
        predictor_depth=4,
        projector_norm='BN',
        predictor_norm='BN',
    ),
    head=dict(type='SiameseIMHead', neg_weight=0.02),
)
