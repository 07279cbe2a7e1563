"""LVIS evaluation with numpy 2."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from mmdet.evaluation import LVISMetric
from mmdet.registry import METRICS


@METRICS.register_module()
class SiameseIMLVISMetric(LVISMetric):
    """mmdet's LVIS metric, made to work with numpy from 1.24 on.

    The last release of the official evaluator (``lvis`` 0.5.3) writes
    ``np.float`` in two places, a name that numpy removed. The numbers are
    those of the official evaluator: AP, AP50, AP75, by size, and for rare,
    common and frequent classes (-1 where a group has no instance).
    """

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Evaluate as mmdet does, while ``np.float`` exists."""
        with float_in_numpy():
            return super().compute_metrics(results)


@contextmanager
def float_in_numpy() -> Iterator[None]:
    """Let ``np.float`` mean ``float``, as it did before numpy 1.24."""
    if 'float' in vars(np):
        yield
        return
    np.float = float  # type: ignore[attr-defined]
    try:
        yield
    finally:
        del np.float  # type: ignore[attr-defined]
