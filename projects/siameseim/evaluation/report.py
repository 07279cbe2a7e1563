"""One table of measures beside the published ones, as Markdown and JSON."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ..atomic_file import write_json

PUBLISHED_ON = (
    'Published: ViT-B/16 pretrained on ImageNet-1k for 1600 epochs (MoCo v3: '
    'its own schedule), measured on ImageNet-1k and its variants; from '
    'https://arxiv.org/abs/2206.01204, not measured here. The robustness '
    'figures are of fine-tuned classifiers.'
)
# measure -> SiameseIM, MAE, MoCo v3; per cent
PUBLISHED = {
    'linear probe': (78.0, 68.0, 76.7),
    'few-shot 1 %': (65.1, 51.1, 63.4),
    'fine-tuned: ImageNet-A': (43.8, 35.9, 32.4),
    'fine-tuned: ImageNet-R': (52.5, 48.3, 49.8),
    'fine-tuned: ImageNet-Sketch': (38.3, 34.5, 35.9),
    'fine-tuned: ImageNet-C, 1 - mCE': (57.1, 48.3, 55.4),
}


@dataclass(frozen=True)
class Row:
    """One measure."""

    measure: str  # what was measured
    value: float | None  # in per cent; None if it was not measured
    note: str  # on which data, or why it was not measured


def markdown(rows: Sequence[Row], title: str) -> str:
    """The table, with the published figures on the right."""
    lines = [
        f'Measured: {title}',
        '',
        PUBLISHED_ON,
        '',
        '| Measure (%) | Measured | On | SiameseIM (published) | MAE '
        '(published) | MoCo v3 (published) |',
        '|---|---|---|---|---|---|',
    ]
    for row in rows:
        measured = '–' if row.value is None else f'{row.value:.2f}'
        others = PUBLISHED.get(row.measure, ('–',) * 3)
        cells = [row.measure, measured, row.note, *map(str, others)]
        lines.append(f'| {" | ".join(cells)} |')
    return '\n'.join(lines) + '\n'


def write(rows: Sequence[Row], title: str, path: Path) -> str:
    """Write PATH.md and PATH.json, and return the Markdown.

    Args:
        rows (Sequence[Row]): in the order of the table.
        title (str): what was measured.
        path (Path): without suffix; its folder is made if needed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    text = markdown(rows, title)
    path.with_name(f'{path.name}.md').write_text(text, 'utf-8')
    names = ('SiameseIM', 'MAE', 'MoCo v3')
    contents = dict(
        measured=title,
        published_on=PUBLISHED_ON,
        rows=[
            dict(
                **asdict(row),
                published=dict(
                    zip(names, PUBLISHED.get(row.measure, ()), strict=False)
                ),
            )
            for row in rows
        ],
    )
    write_json(path.with_name(f'{path.name}.json'), contents)
    return text
