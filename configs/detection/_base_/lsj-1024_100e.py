# 100 epochs of batch 64: learning rate x 0.1 at 89 % and 96 %, warm-up over
# 250 iterations (method.md section 9; https://arxiv.org/abs/2203.16527).
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=100, val_interval=10)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

param_scheduler = [
    dict(
        type='LinearLR', start_factor=0.001, by_epoch=False, begin=0, end=250
    ),
    dict(
        type='MultiStepLR',
        by_epoch=True,
        begin=0,
        end=100,
        milestones=[89, 96],
        gamma=0.1,
    ),
]

# With enable=True tools/train.py fits the learning rate to the batch.
auto_scale_lr = dict(enable=False, base_batch_size=64)
