"""Tiny backbones and checkpoints that several test folders share."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from siameseim.models import SiameseIMViT

TINY = dict(embed_dims=16, num_layers=4, num_heads=2, feedforward_channels=32)
SIZES = dict(arch=TINY, img_size=16, patch_size=4)


def tiny_vit(cls: type = SiameseIMViT, seed: int = 0, **kwargs: Any) -> Any:
    """A 16 wide, 4 deep backbone in eval mode, its weights all random."""
    torch.manual_seed(seed)
    model = cls(**{**SIZES, **kwargs})
    for name, parameter in model.named_parameters():
        if name != 'pos_embed':
            torch.nn.init.normal_(parameter, std=0.3)
    return model.eval()


def assert_near(actual: Tensor, expected: Tensor, atol: float = 1e-4) -> None:
    """The same values but for ``atol``; with 0 bit for bit."""
    torch.testing.assert_close(actual, expected, rtol=0, atol=atol)


def assert_same(
    first: dict[str, Tensor], second: dict[str, Tensor], but: Any = ()
) -> None:
    """The same tensors, bit for bit, except those of these names."""
    names = first.keys() - {*but}
    assert names == second.keys() - {*but}
    for name in names:
        torch.testing.assert_close(
            first[name], second[name], rtol=0, atol=0, msg=name
        )


def to_timm(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Our names in the layout of timm, written out independently."""
    renamed = {}
    for name, tensor in tensors.items():
        for ours, timm in (
            ('patch_embed.projection', 'patch_embed.proj'),
            ('layers.0.0.', 'fc1.'),
            ('ffn.layers.1.', 'mlp.fc2.'),
            ('ffn.fc1.', 'mlp.fc1.'),
            ('layers.', 'blocks.'),
            ('.ln1.', '.norm1.'),
            ('.ln2.', '.norm2.'),
        ):
            name = name.replace(ours, timm)
        renamed[name] = tensor
    return renamed


def prefixed(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same tensors with a prefix before each name."""
    return {prefix + name: tensor for name, tensor in tensors.items()}


def saved(path: Path, contents: Any) -> str:
    """Save a checkpoint and return its path."""
    torch.save(contents, path)
    return str(path)
