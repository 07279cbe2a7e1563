"""The initialisation of method section 6."""

from torch import nn


def init_linears(module: nn.Module) -> None:
    """Xavier-uniform for every Linear (qkv as one matrix), zero biases."""
    for child in module.modules():
        if isinstance(child, nn.Linear):
            nn.init.xavier_uniform_(child.weight)
            if child.bias is not None:
                nn.init.zeros_(child.bias)


def init_patch_embed(projection: nn.Conv2d) -> None:
    """Xavier-uniform of the patch embedding seen as one matrix, zero bias."""
    weight = projection.weight
    nn.init.xavier_uniform_(weight.view(weight.shape[0], -1))
    if projection.bias is not None:
        nn.init.zeros_(projection.bias)
