"""A model of how training grows from one GPU to hundreds, on paper."""

import math
from typing import NamedTuple


class Work(NamedTuple):
    """What one step asks of each GPU."""

    flop_per_image: float  # all passes of the method
    trained: float  # weights with a gradient
    averaged: float  # weights of the target branch
    batch: int  # images a GPU
    norms_forward: int  # BatchNorms of both branches, one after another
    norms_backward: int  # those that the backward pass runs
    decoder_width: int  # D; the D x D correlation is all-reduced


class Cluster(NamedTuple):
    """What the machines do; every rate is a sustained one."""

    flops: float  # FLOP/s that a GPU reaches on the model
    memory_bandwidth: float  # bytes/s of a GPU's memory
    fast_link: float  # bytes/s a GPU sends to others of its machine
    slow_link: float  # bytes/s a GPU sends to other machines
    # seconds of an all-reduce of a few numbers within a machine; each
    # doubling of the machines adds as much
    latency: float
    gpus_a_machine: int
    overlap: float  # share of the gradients' all-reduce that is hidden
    cores_per_gpu: float  # CPU cores that load data
    samples_per_core: float  # two-view samples a second and core
    host: float  # seconds that the host needs to issue a step


class StepModel(NamedTuple):
    """Predicted seconds of a step, and what is visible of each part.

    On the device the first five follow one another; beside them the host
    issues the next step and data are loaded.
    """

    compute: float
    optimizer: float
    gradients: float
    batch_norm: float
    loss: float
    host: float
    data: float
    step: float
    bound_by: str  # the longest of device, host and data, which is the step
    all_reduced: float  # bytes that a GPU sends in all
    images_per_second: float
    efficiency: float


def ring_bytes(numbers: float, processes: int, bytes_each: int = 4) -> float:
    """Bytes that each process sends in a ring all-reduce."""
    return 2 * (processes - 1) / processes * numbers * bytes_each


def step_model(work: Work, cluster: Cluster, gpus: int) -> StepModel:
    """Predict a data-parallel step on a number of GPUs."""
    compute = work.batch * work.flop_per_image / cluster.flops
    # AdamW reads weight, gradient and two moments and writes three of them;
    # the EMA reads two weights and writes one. All are fp32.
    moved = 4 * (7 * work.trained + 3 * work.averaged)
    optimizer = moved / cluster.memory_bandwidth
    link, latency = _link(cluster, gpus)
    gradient_bytes = ring_bytes(work.trained, gpus)
    gradients = gradient_bytes / link
    hidden = min(cluster.overlap * gradients, compute / 2)
    # TokenBN all-reduces two moments in float64 in the forward pass, and two
    # sums in float32 in the backward pass.
    width = work.decoder_width
    batch_norm = (work.norms_forward + work.norms_backward) * latency
    moments = work.norms_forward * ring_bytes(2 * width, gpus, 8)
    sums = work.norms_backward * ring_bytes(2 * width, gpus)
    batch_norm += (moments + sums) / link
    correlation = ring_bytes(width**2, gpus)
    loss = latency + correlation / link
    on_device = compute + optimizer + gradients - hidden + batch_norm + loss
    samples = cluster.cores_per_gpu * cluster.samples_per_core
    data = work.batch / samples
    step, bound_by = max(
        (on_device, 'device'), (cluster.host, 'host'), (data, 'data')
    )
    return StepModel(
        compute=compute,
        optimizer=optimizer,
        gradients=gradients - hidden,
        batch_norm=batch_norm,
        loss=loss,
        host=cluster.host,
        data=data,
        step=step,
        bound_by=bound_by,
        all_reduced=gradient_bytes + moments + sums + correlation,
        images_per_second=gpus * work.batch / step,
        efficiency=(compute + optimizer) / step,
    )


def _link(cluster: Cluster, gpus: int) -> tuple[float, float]:
    """Bytes/s that bound an all-reduce, and seconds of a small one."""
    if gpus == 1:
        return float('inf'), 0.0
    machines = math.ceil(gpus / cluster.gpus_a_machine)
    if machines == 1:
        return cluster.fast_link, cluster.latency
    doublings = (machines - 1).bit_length()
    return cluster.slow_link, cluster.latency * (1 + doublings)
