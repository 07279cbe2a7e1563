"""LVIS evaluation with numpy 2."""

from unittest.mock import patch

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
        with patch.object(np, 'float', float, create=True):
            return super().compute_metrics(results)
