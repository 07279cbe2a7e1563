# Optimizer and schedule of method.md section 6.
optim_wrapper = dict(
    type='AutocastOptimWrapper',
    constructor='GroupedOptimWrapperConstructor',
    precision='auto',  # bf16 where the hardware has it, else fp32
    # Iterations that make one optimizer step.
    accumulative_counts=1,
    clip_grad=dict(max_norm=1.0),
    optimizer=dict(
        type='AdamW',
        lr=6.25e-5 * 4096 / 256,  # at auto_scale_lr.base_batch_size
        betas=(0.9, 0.95),
        weight_decay=0.05,
    ),
    # Biases and 1-D tensors are not decayed. cls_token and mask_token have
    # three dimensions and are.
    paramwise_cfg=dict(bias_decay_mult=0.0, flat_decay_mult=0.0),
)

# tools/train.py scales lr by
#   batch_size x processes x accumulative_counts / base_batch_size.
auto_scale_lr = dict(enable=True, base_batch_size=4096)

param_scheduler = dict(
    type='WarmupCosineLR',
    warmup=40,  # epochs
    by_epoch=True,
    convert_to_iter_based=True,
)

train_cfg = dict(by_epoch=True, max_epochs=1600)
