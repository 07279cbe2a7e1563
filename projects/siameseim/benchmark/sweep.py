"""Curves: how step time, memory and data rate grow."""

from pathlib import Path
from typing import Any

from mmengine.config import Config

from ..atomic_file import write_json
from ..engine.devices import device_name
from .data import endless_loader, loader_rate, two_view_dataset
from .measure import Settings
from .memory import step_memory
from .origin import origin
from .processes import check_processes, step_seconds_in_processes
from .step import StepBenchmark, pipeline_step
from .timing import spread, timed

_CURVES: dict[str, tuple[str, list[int]]] = {
    # unit of the points, and those measured unless told; none: by the config
    'batch': ('images a step', [1, 2, 4, 8]),
    'resolution': ('pixels a side', []),
    'patches': ('patches of a view', []),
    'workers': ('worker processes', [1, 2]),
    'processes': (
        'processes, one thread each, one batch among them',
        [1, 2],
    ),
}
SWEEPS = tuple(_CURVES)


def sweep(
    kind: str,
    cfg: Config,
    settings: Settings,
    values: list[int] | None,
    out: Path,
) -> dict[str, Any]:
    """Measure a curve and write it as JSON and PNG.

    Args:
        kind (str): one of ``SWEEPS``. The values of 'patches' are patch
            sizes in pixels.
        cfg (Config): a pretraining config with square views.
        settings (Settings): batch, device and number of steps.
        values (list[int], optional): points; by default a few small ones.
        out (Path): folder for ``growth_KIND.json`` and ``.png``.

    Raises:
        ValueError: for values that cannot be measured.

    Returns:
        dict: device, unit of the points, and 'points', a list of dicts.
    """
    unit, usual = _CURVES[kind]
    values = values or usual or _fitting(kind, cfg)
    least = 0 if kind == 'workers' else 1
    if min(values) < least:
        raise ValueError(
            f'--values {min(values)}: give numbers from {least} on'
        )
    if kind == 'processes':
        points = _over_processes(cfg, settings, values)
    elif kind == 'workers':
        points = _over_workers(cfg, settings, values)
    else:
        points = [_step_point(kind, cfg, settings, value) for value in values]
    result = dict(
        curve=kind,
        **origin(),
        device=device_name(settings.device),
        batch_size=settings.batch_size,
        unit=unit,
        points=points,
    )
    write_json(out / f'growth_{kind}.json', result, indent=1)
    draw(result, out / f'growth_{kind}.png')
    return result


def _fitting(kind: str, cfg: Config) -> list[int]:
    """Points that the config's views or patches divide; 4 to 28 a side."""
    backbone = cfg.model.backbone
    if kind == 'resolution':
        return [backbone.patch_size * grid for grid in (4, 8, 14, 20)]
    size = backbone.img_size
    return [size // grid for grid in range(4, 29) if size % grid == 0]


def _step_point(
    kind: str, cfg: Config, settings: Settings, value: int
) -> dict[str, Any]:
    """Step time and memory at one batch size, resolution or patch size."""
    batch = settings.batch_size
    if kind == 'batch':
        batch = value
    elif kind == 'resolution':
        cfg = resized(cfg, size=value)
    else:
        cfg = resized(cfg, patch=value)
    step = StepBenchmark(cfg, batch, settings.device)
    step.compile(settings.compiled)
    step.run()
    times = timed(step.run, settings.device, settings.steps)
    patches = step.model.neck.predictor.positions.shape[1]
    memory = {}
    if step.shows_memory:
        memory['memory_mib'] = step_memory(step.run, settings.device) / 2**20
    return dict(
        at=patches if kind == 'patches' else value,
        masked=pipeline_step(cfg, 'BlockMask').num_masked,
        seconds_per_step=times,
        images_per_second=batch / times.median,
        **memory,
    )


def resized(
    cfg: Config, size: int | None = None, patch: int | None = None
) -> Config:
    """The same model and share of masked patches at other sizes.

    Args:
        cfg (Config): a pretraining config with square views.
        size (int, optional): height and width of a view in pixels.
            Defaults to None: the config's.
        patch (int, optional): patch size in pixels. Likewise.

    Raises:
        ValueError: if the view is no whole number of patches.
    """
    cfg = Config(cfg.to_dict())
    backbone = cfg.model.backbone
    old_grid = backbone.img_size // backbone.patch_size
    backbone.img_size = size or backbone.img_size
    backbone.patch_size = patch or backbone.patch_size
    grid, rest = divmod(backbone.img_size, backbone.patch_size)
    if rest:
        raise ValueError(
            f'views of {backbone.img_size} pixels are no whole number of '
            f'patches of {backbone.patch_size}'
        )
    pipeline_step(cfg, 'TwoViews').size = backbone.img_size
    mask = pipeline_step(cfg, 'BlockMask')
    mask.num_masked = round(mask.num_masked / old_grid**2 * grid**2)
    mask.grid = grid
    return cfg


def _over_workers(
    cfg: Config, settings: Settings, values: list[int]
) -> list[dict[str, Any]]:
    if not settings.data:
        raise ValueError('a curve over workers needs images: give --data')
    dataset = two_view_dataset(cfg, settings.data)
    points = []
    for workers in values:
        loader = endless_loader(dataset, settings.batch_size, workers)
        rates = [loader_rate(loader) for _ in range(settings.steps)]
        points.append(dict(at=workers, samples_per_second=spread(rates)))
    return points


def _over_processes(
    cfg: Config, settings: Settings, values: list[int]
) -> list[dict[str, Any]]:
    for number in values:  # before any is measured
        check_processes(settings.batch_size, settings.device, number)
    points: list[dict[str, Any]] = []
    for number in values:
        times = step_seconds_in_processes(
            cfg, settings.batch_size, settings.device, settings.steps, number
        )
        first = points[0]['seconds_per_step'] if points else times
        points.append(
            dict(
                at=number,
                seconds_per_step=times,
                speed_up=first.median / times.median,
            )
        )
    return points


def draw(result: dict[str, Any], path: Path) -> None:
    """Plot a curve: time or rate with its spread, memory beside it."""
    from matplotlib.figure import Figure  # not needed by other measurements

    figure = Figure(figsize=(4.2, 2.8), layout='constrained')
    axes = figure.add_subplot()
    points = result['points']
    name = 'samples_per_second'
    if name not in points[0]:
        name = 'seconds_per_step'
    at = [point['at'] for point in points]
    median, low, high = zip(*(point[name] for point in points), strict=True)
    axes.fill_between(at, low, high, alpha=0.2)
    axes.plot(at, median, 'o-', label=name.replace('_', ' '))
    axes.set(xlabel=result['unit'], ylabel=name.replace('_', ' '), ylim=0)
    if 'memory_mib' in points[0]:
        memory = axes.twinx()
        megabytes = [point['memory_mib'] for point in points]
        memory.plot(at, megabytes, 's--', color='C1')
        memory.set_ylabel('memory of a step, MiB (dashed)', color='C1')
        memory.set_ylim(0)
    figure.savefig(path, dpi=90)
