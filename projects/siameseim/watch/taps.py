"""Features of a training step, without computing anything twice."""

from typing import Any

from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from ..models import SiameseIM


class FeatureTaps:
    """Keeps patch tokens of one forward pass of the model.

    They are what the step itself computed, so that watching draws no random
    number, moves no BatchNorm statistic and costs no forward pass. View 1 is
    seen by its visible patches only, view 2 whole.

    Attributes:
        tokens (dict[str, Tensor]): 'online' (B, V, C) of the online backbone,
            'target' (B, L, C) of the target backbone, 'projected' (B, L, D)
            of the target's projector, which is what the loss compares with.
        prediction (Tensor): (B, L, D) what view 1 predicts of view 2's.

    Args:
        model (SiameseIM): the training model, without wrapper.
    """

    def __init__(self, model: SiameseIM) -> None:
        self.tokens: dict[str, Tensor] = {}
        self._handles: list[RemovableHandle] = [
            model.backbone.register_forward_hook(self._online),
            model.target.projector.register_forward_hook(self._target),
            model.neck.predictor.register_forward_hook(self._predicted),
        ]

    def remove(self) -> None:
        """Leave the model as it was."""
        for handle in self._handles:
            handle.remove()

    def _online(self, module: nn.Module, args: Any, output: Tensor) -> None:
        self.tokens['online'] = output.detach()[:, 1:]

    def _target(self, module: nn.Module, args: Any, output: Tensor) -> None:
        self.tokens['target'] = args[0].detach()[:, 1:]
        self.tokens['projected'] = output.detach()[:, 1:]

    def _predicted(self, module: nn.Module, args: Any, output: Tensor) -> None:
        self.prediction = output.detach()
