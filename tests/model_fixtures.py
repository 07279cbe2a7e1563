"""A tiny model and batch that several test folders share."""

from typing import Any

import torch
from mmpretrain.registry import MODELS
from torch import Tensor

import siameseim.models as models


def tiny_model(
    norm: str = 'BN', grid: tuple[int, int] = (4, 4), **backbone: Any
) -> models.SiameseIM:
    """Two blocks, 16 wide, 4-pixel patches; weights initialised."""
    arch = dict(
        embed_dims=16, num_layers=2, num_heads=2, feedforward_channels=32
    )
    model = MODELS.build(
        dict(
            type='SiameseIM',
            backbone={
                'type': 'SiameseIMViT',
                'arch': arch,
                'img_size': (4 * grid[0], 4 * grid[1]),
                'patch_size': 4,
                **backbone,
            },
            neck=dict(
                type='SiameseIMNeck',
                embed_dims=8,
                num_heads=2,
                projector_depth=1,
                predictor_depth=1,
                projector_norm=norm,
                predictor_norm=norm,
            ),
            head=dict(type='SiameseIMHead'),
        )
    )
    model.init_weights()
    return model


def step_results(
    model: models.SiameseIM, losses: dict[str, Tensor]
) -> dict[str, Any]:
    """What a step computes: losses, gradients and buffers."""
    sum(losses.values()).backward()
    return dict(
        losses={name: loss.detach() for name, loss in losses.items()},
        gradients={
            name: parameter.grad
            for name, parameter in model.named_parameters()
            if parameter.grad is not None
        },
        buffers=dict(model.named_buffers()),
    )


def random_batch(
    batch_size: int,
    grid: tuple[int, int] = (4, 4),
    num_masked: int = 10,
    seed: int = 0,
) -> tuple[list[Tensor], dict[str, Tensor]]:
    """Two noise views with random boxes, flips and visible patches."""
    generator = torch.Generator().manual_seed(seed)

    def rand(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator)

    num_patches = grid[0] * grid[1]
    order = rand(batch_size, num_patches).argsort(dim=1)
    sizes = 20 + 40 * rand(batch_size, 2, 2)
    views = [rand(batch_size, 3, 4 * grid[0], 4 * grid[1]) for _ in range(2)]
    visible = order[:, num_masked:].sort(dim=1).values
    mask = torch.ones(batch_size, num_patches, dtype=torch.bool)
    return views, dict(
        mask=mask.scatter_(1, visible, False).view(batch_size, *grid),
        visible=visible,
        boxes=torch.cat([40 * rand(batch_size, 2, 2), sizes], dim=-1),
        flips=rand(batch_size, 2) > 0.5,
        source_width=torch.full((batch_size,), 100.0),
    )
