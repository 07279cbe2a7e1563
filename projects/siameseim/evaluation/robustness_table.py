"""All robustness measures of a classifier, as far as the data are there."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from .corruptions import ALEXNET_ERRORS, mean_corruption_error
from .report import Row
from .robustness import (
    Classifier,
    accuracy,
    made_corruptions,
    stored_corruptions,
)

# Of wrong or incomplete data, and of a package that is not installed.
UNMEASURED = (OSError, ValueError, ImportError)
_FAILED = 'failed: '


# The published data sets by the option that names their folder.
_SETS = dict(
    imagenet_a='ImageNet-A',
    imagenet_r='ImageNet-R',
    sketch='ImageNet-Sketch',
    imagenet_c='ImageNet-C',
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Let a tool's command line name the folders."""
    helps = {name: f'folder of {title}' for name, title in _SETS.items()}
    helps['corrupt'] = (
        'class folders of clean images: make the 15 corruptions of them'
    )
    for name, text in helps.items():
        parser.add_argument(
            f'--{name.replace("_", "-")}', metavar='FOLDER', help=text
        )


def failed_row(measure: str, error: Exception) -> Row:
    """The row of a measure that could not be taken, and why not."""
    return Row(measure, None, _FAILED + ' '.join(str(error).split()))


def failures(rows: Sequence[Row]) -> str:
    """What could not be measured, a line each."""
    failed = [row for row in rows if row.note.startswith(_FAILED)]
    return '\n'.join(f'{row.measure} {row.note}' for row in failed)


def robustness_rows(
    classifier: Classifier, data: Mapping[str, str | None], kind: str
) -> list[Row]:
    """Measure everything there is data for; what fails is a row too.

    Args:
        classifier (Classifier): the classifier.
        data (Mapping): folders by option, as ``add_arguments`` names them.
        kind (str): 'fine-tuned' or 'linear': how it was trained.
    """
    right = partial(accuracy, classifier)

    def robust(folder: Path) -> float:
        return 1 - mean_corruption_error(
            stored_corruptions(classifier, folder)
        )

    rows = [
        _row(f'{kind}: {title}, 1 - mCE', data.get(name), robust)
        if name == 'imagenet_c'
        else _row(f'{kind}: {title}', data.get(name), right)
        for name, title in _SETS.items()
    ]
    if clean := data.get('corrupt'):
        rows.append(_row(f'{kind}: clean', clean, right))
        rows += _made_rows(classifier, Path(clean), kind)
    return rows


def _row(
    measure: str, folder: str | None, measured: Callable[[Path], float]
) -> Row:
    if folder is None:
        return Row(measure, None, 'data not given')
    try:
        if not Path(folder).is_dir():
            raise FileNotFoundError(f'{folder} is no folder')
        return Row(measure, 100 * measured(Path(folder)), folder)
    except UNMEASURED as error:
        return failed_row(measure, error)


def _made_rows(classifier: Classifier, clean: Path, kind: str) -> list[Row]:
    """Rows for corruptions made on the fly, which are not ImageNet-C."""
    measure = f'{kind}: made corruptions, 1 - mCE'
    try:
        errors = made_corruptions(classifier, clean)
    except UNMEASURED as error:
        return [failed_row(measure, error)]
    made = f'{clean}, corrupted here: not ImageNet-C'
    note = f'{made}; over the errors of AlexNet on ImageNet-C'
    rows = [Row(measure, 100 * (1 - mean_corruption_error(errors)), note)]
    for name in ALEXNET_ERRORS:
        right = 100 * (1 - sum(errors[name]) / len(errors[name]))
        rows.append(Row(f'{kind}: made {name}, accuracy', right, made))
    return rows
