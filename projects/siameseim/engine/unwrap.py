"""The model inside of what distributes it."""

from typing import Any

from mmengine.model import BaseTTAModel, is_model_wrapper
from torch import nn


def unwrapped(model: nn.Module) -> Any:
    """The model inside of what distributes it or tests it at many scales."""
    while is_model_wrapper(model) or isinstance(model, BaseTTAModel):
        model = model.get_submodule('module')
    return model
