# Data of method.md sections 1 and 2: two 224-pixel views of any images.
# `tools/train.py CONFIG --data PATH` replaces data_root.
train_pipeline = [
    dict(type='TwoViews', size=224),
    dict(type='ViewPhotometric', view=1, blur_prob=1.0),
    dict(type='ViewPhotometric', view=2, blur_prob=0.1, solarize_prob=0.2),
    dict(type='BlockMask', grid=14, num_masked=118),
    dict(type='PackTwoViews'),
]

train_dataloader = dict(
    # Per process. 8 processes make the recipe's 4096; with fewer, raise
    # optim_wrapper.accumulative_counts (see the recipe files).
    batch_size=512,
    num_workers=16,  # tools/train.py lowers it to the cores there are
    persistent_workers=True,
    pin_memory=True,
    drop_last=True,
    # Given here, since a collate function inherited from another library's
    # base config arrives with a `_scope_` that kills the data loader.
    collate_fn=dict(type='default_collate'),
    # The transforms draw from their own generators: no seeds to set here.
    worker_init_fn=dict(type='leave_signals_to_trainer'),
    sampler=dict(type='ResumableSampler'),
    dataset=dict(
        type='PretrainDataset',
        dataset=dict(type='ImageFolder', data_root='data/imagenet/train'),
        pipeline=train_pipeline,
        seed=0,  # tools/train.py keeps it equal to randomness.seed
    ),
)
