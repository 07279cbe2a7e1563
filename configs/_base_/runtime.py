# Everything about running that no recipe changes: hooks, logs, processes.
import sys

custom_imports = dict(imports=['siameseim'], allow_failed_imports=False)
default_scope = 'mmpretrain'

default_hooks = dict(
    # Reads losses from the device only when a log line is due.
    runtime_info=dict(type='LazyRuntimeInfoHook'),
    timer=dict(type='IterTimerHook'),
    # In place of DistSamplerSeedHook: also resumes within an epoch.
    sampler_seed=dict(type='ExactResumeHook'),
    logger=dict(type='EpochLoggerHook', interval=50, ignore_last=False),
    param_scheduler=dict(type='ParamSchedulerHook'),
    # TFLOP/s of a device in the logs; MFU in the line where its peak is known.
    flops=dict(type='FlopsHook'),
    # torch.compile of each block: on GPUs; enabled=True or False decides.
    compile=dict(type='CompileBlocksHook', enabled='auto'),
    # The whole step as CUDA graphs: on one GPU; likewise.
    graph=dict(type='StepGraphHook', enabled='auto'),
    # On a CPU: memory that a step frees is there for the next one.
    memory=dict(type='KeepMemoryHook'),
    # Every epoch, as far as that takes 2 % of the time, and after the last;
    # writes a new file completely before it removes an old one.
    checkpoint=dict(type='SafeCheckpointHook', interval=1, max_keep_ckpts=2),
    # Steps that are not finite (docs/watching.md).
    guard=dict(type='NonFiniteGuardHook', max_skips=10, max_rollbacks=3),
    # A sign of learning; signs of collapse, with a warning. Without an
    # interval left out where they would take more than 2 % of the time.
    features=dict(type='FeatureWatchHook'),
    # After the last step: whether the network learns, in a few sentences.
    verdict=dict(type='VerdictHook'),
    # k-NN accuracy every epoch once a folder with train and val is given:
    # tools/train.py --knn FOLDER sets data. Left out where it would take more
    # than 2 % of the time.
    knn=dict(type='KnnHook', data=None, interval=1, budget=0.02),
    # The loss on other images: default_hooks.validation.data=FOLDER; likewise.
    validation=dict(type='ValidationHook', data=None, interval=1, budget=0.02),
    # default_hooks.probe.enabled=True for an online linear probe.
    probe=dict(type='OnlineProbeHook', enabled=False),
    # default_hooks.pictures.images=FOLDER for pictures in TensorBoard.
    pictures=dict(type='PicturesHook', images=None, interval=10),
)
custom_hooks = [
    dict(type='MomentumTargetHook', base_momentum=0.995),
    dict(type='ProgressHook'),
    # SIGTERM, SIGUSR1 or Ctrl-C: save at the next optimizer step, then stop.
    dict(type='StopSignalHook'),
]

log_level = 'INFO'
log_processor = dict(type='ProgressLogProcessor')
visualizer = dict(
    type='Visualizer',
    vis_backends=[
        dict(type='LocalVisBackend'),  # one JSON object a line
        dict(type='TensorboardVisBackend'),
    ],
)

randomness = dict(seed=0)
env_cfg = dict(
    mp_cfg=dict(
        # Forked loader workers can crash or hang on a Mac, as Python's
        # documentation of multiprocessing says.
        mp_start_method='spawn' if sys.platform == 'darwin' else 'fork',
        opencv_num_threads=0,
    ),
    # tools/train.py uses gloo where there is no CUDA.
    dist_cfg=dict(backend='nccl'),
)
# The type and device_ids are given because mmengine otherwise passes
# device_ids, which DistributedDataParallel refuses on a CPU. Buffers are
# BatchNorm statistics, equal on all ranks by construction.
model_wrapper_cfg = dict(
    type='MMDistributedDataParallel',
    device_ids=None,
    broadcast_buffers=False,
    find_unused_parameters=False,
    gradient_as_bucket_view=True,
)

load_from = None
resume = False
