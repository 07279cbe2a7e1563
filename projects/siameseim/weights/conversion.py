"""One checkpoint in, one out, and an account of what happened."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from ..models.stored_positions import with_extra_rows
from ..version import __version__
from .formats import FORMATS, Format
from .onnx import export_onnx
from .plain_vit import PlainViT
from .reading import Reading, read_vit
from .report import Report, compare_names
from .targets.target import save


def convert_checkpoint(
    source: str | Path,
    destination: str | Path,
    to: str,
    branch: str | None = None,
    *,
    prefix: str | None = None,
    num_heads: int | None = None,
    img_size: int | tuple[int, int] | None = None,
    allow_lossy: bool = False,
) -> Report:
    """Convert a checkpoint of any known layout, and print an account.

    Args:
        source (str | Path): file, folder or address; its layout is
            recognised.
        destination (str | Path): file to write, or folder for the formats
            that have folders; replaced if it exists.
        to (str): a key of ``FORMATS``.
        branch (str, optional): 'online' (the default) or 'target'.
        prefix (str, optional): of the backbone in the source, for files with
            several that are not known branches.
        num_heads (int, optional): attention heads, where the source does not
            tell them.
        img_size (int | tuple[int, int], optional): (height, width), or the
            side of a square, in pixels the result holds positions for.
            Defaults to None: as in the source.
        allow_lossy (bool): go on where the result cannot have the same
            features. Defaults to False.

    Returns:
        Report: what was read, renamed, changed, dropped and written.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the source is unsafe or no plain ViT, the format is
            unknown or cannot hold it, or the conversion would be lossy.
    """
    source, destination = str(source), Path(destination)
    kind = _checked(source, destination, to)
    if isinstance(img_size, int):
        img_size = (img_size, img_size)
    reading = read_vit(source, branch, prefix, num_heads, img_size)
    report = reading.report
    report.destination = f'{destination} ({to}: {kind.library})'
    vit = reading.vit
    if img_size is None and to in ('vitdet', 'vitsam') and vit.tables:
        img_size = vit.trained_size
    if img_size is not None:
        vit = _resized(vit, img_size, report)
    vit = _fitted(vit, kind, report)
    if report.lossy and not allow_lossy:
        raise ValueError(
            f'{source} was not converted to {to}, since the result would be '
            f'lossy: {"; ".join(report.lossy)}. To go on all the same: '
            'allow_lossy=True or --allow-lossy'
        )
    _write(reading, vit, kind, destination)
    print(report)
    return report


def _checked(source: str, destination: Path, to: str) -> Format:
    """The format, if it is known and the names are possible."""
    if to not in FORMATS:
        raise ValueError(
            f'format {to!r} is unknown: choose one of {", ".join(FORMATS)}'
        )
    suffix = FORMATS[to].suffix
    if suffix and destination.suffix != suffix:
        raise ValueError(f'{destination} must end with {suffix}')
    there = destination.exists() and Path(source).exists()
    if there and destination.samefile(source):
        raise ValueError(f'{destination} is the source itself')
    return FORMATS[to]


def _resized(
    vit: PlainViT, img_size: tuple[int, int], report: Report
) -> PlainViT:
    """Positions for another size."""
    resized = vit.resized(img_size)
    if resized.grid != vit.grid:
        how = (
            'interpolated (bicubic)'
            if vit.positions.first_half is None
            else 'recomputed by their formula, which is exact,'
        )
        report.changed.append(
            f'positions {how} from {vit.grid} to {resized.grid} patches'
        )
    return resized


def _fitted(vit: PlainViT, kind: Format, report: Report) -> PlainViT:
    """Only what the format can hold; what changes features is lossy."""
    if vit.tables and not kind.relative:
        trained = [name for name, table in vit.tables.items() if table.any()]
        if trained:
            report.lossy.append(
                f'{len(trained)} trained relative positions of a ViTDet '
                f'({trained[0]}, ...) have no place in {kind.library}'
            )
        else:
            report.changed.append('relative positions, all zero, are dropped')
        report.notes.append('windows become attention over the whole image')
        vit = vit.without(*vit.tables)
    if kind.needs_cls and not vit.has_cls:
        report.lossy.append(
            f'{kind.library} needs a cls token, which the source lacks: one '
            'of zeros is put in, and patches attend to it'
        )
        rows = vit.tensors['pos_embed']
        added = dict(
            cls_token=rows.new_zeros(1, 1, rows.shape[-1]),
            pos_embed=with_extra_rows(rows, 0, 1),
        )
        vit = replace(vit, tensors={**vit.tensors, **added})
    if vit.norm_eps != 1e-6 and not kind.any_eps:
        report.lossy.append(
            f'LayerNorm eps is {vit.norm_eps}, in {kind.library} 1e-6'
        )
    return vit


def _write(
    reading: Reading,
    vit: PlainViT,
    kind: Format,
    destination: Path,
) -> None:
    report = reading.report
    if kind.build is None:
        written = dict(vit.tensors) | {
            f'head.{name}': tensor for name, tensor in vit.head.items()
        }
        report.usage = export_onnx(vit, destination)
    else:
        target = kind.build(vit)
        save(target, destination, _notes(vit, reading))
        written = target.state
        report.notes += target.notes
        report.usage = target.usage
    compare_names(report, reading.file, reading.vit, vit, written)


def _notes(vit: PlainViT, reading: Reading) -> dict[str, Any]:
    """What the tensors do not show, kept in the file for reading back."""
    return dict(
        # a guess must not look like knowledge the next time
        num_heads=None if reading.heads_guessed else vit.num_heads,
        img_size=[*vit.img_size],
        norm_eps=vit.norm_eps,
        final_norm=vit.has_final_norm,
        takes_mean=vit.takes_mean,
        windows=vit.windows
        and [vit.windows.size, [*vit.windows.global_blocks]],
        noncommercial=vit.noncommercial,
        mean=[*vit.normalisation.mean],
        std=[*vit.normalisation.std],
        written_by=f'siameseim {__version__}',
    )
