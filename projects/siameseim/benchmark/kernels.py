"""Whether the host or the device sets the pace of a step, and what runs."""

import time
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

from .timing import Spread, spread

_STEPS = 3
_SHOWN = 100  # names; a step has a few hundred


def kernel_times(run: Callable[[], object], device: str) -> dict[str, Any]:
    """Seconds of the device's kernels in a step, and of the host.

    A step that takes much longer than its kernels waits for the host: compile
    it, or replay CUDA graphs. One that takes as long is the device's.

    Args:
        run (Callable): one training step; it has run before.
        device (str): 'cpu' or 'cuda'. On a CPU operators count as kernels.

    Returns:
        dict: 'seconds' of all kernels of a step, 'launches', 'longest' by
        name, and on a GPU 'host_seconds', a spread: until the host has issued
        a step to a device that was idle.
    """
    cuda = torch.device(device).type == 'cuda'
    activity = ProfilerActivity.CUDA if cuda else ProfilerActivity.CPU
    with profile(activities=[activity]) as profiler:
        for _ in range(_STEPS):
            run()
    result = _summary(profiler.key_averages(), cuda)
    if cuda:
        result['host_seconds'] = _host_seconds(run, device)
    return result


def _summary(events: Iterable[Any], cuda: bool) -> dict[str, Any]:
    """Means over the steps, without the calls that launch kernels."""
    kind, time_of = (
        (DeviceType.CUDA, 'self_device_time_total')
        if cuda
        else (DeviceType.CPU, 'self_cpu_time_total')
    )
    kernels = [
        event
        for event in events
        if event.device_type == kind and not event.is_user_annotation
    ]
    seconds = {
        event.key: getattr(event, time_of) / 1e6 / _STEPS for event in kernels
    }
    longest = sorted(seconds, key=lambda name: -seconds[name])[:_SHOWN]
    return dict(
        seconds=sum(seconds.values()),
        launches=sum(event.count for event in kernels) / _STEPS,
        longest={name: seconds[name] for name in longest},
    )


def _host_seconds(run: Callable[[], object], device: str) -> Spread:
    """Until a call has returned that began with an idle device."""
    seconds = []
    for _ in range(_STEPS):
        torch.cuda.synchronize(device)
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    torch.cuda.synchronize(device)
    return spread(seconds)
