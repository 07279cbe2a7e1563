"""SiameseIM once more, slowly, in float64: a judge for other switches.

Written from the method's equations alone, with loops and explicit sums, on a
dict of tensors in the published key layout; it shares no code with the
package. ``plain_training`` takes the steps.

Shape legend: B batch, T tokens, C width.
"""

import math
from typing import Any

import torch
from torch import Tensor

State = dict[str, Tensor]


def sincos(coordinate: float, dims: int) -> list[float]:
    """Sines of one number at dims / 2 frequencies, then its cosines."""
    angles = [
        coordinate * 10000 ** (-k / (dims / 2)) for k in range(dims // 2)
    ]
    return [math.sin(a) for a in angles] + [math.cos(a) for a in angles]


def grid_positions(grid: tuple[int, int], dims: int) -> Tensor:
    """(1, 1 + H * W, dims): a zero row for cls, then row by row."""
    rows = [[0.0] * dims]
    for r in range(grid[0]):
        for c in range(grid[1]):
            rows.append(sincos(r, dims // 2) + sincos(c, dims // 2))
    return torch.tensor([rows], dtype=torch.float64)


def relative_geometry(step: dict[str, Any]) -> dict[str, Tensor]:
    """The quantities of method section 1, by the names of the files."""
    (i1, j1, h1, w1), (i2, j2, h2, w2) = (
        step[key].double().unbind(1) for key in ('crop1', 'crop2')
    )
    return dict(
        rel_delta_i=(i2 - i1) / h1,
        rel_delta_j=(j2 - j1) / w1,
        rel_delta_h=h2 / h1,
        rel_delta_w=w2 / w1,
        rel_flip=step['flip1'] ^ step['flip2'],
        rel_flip_delta_j=(step['source_width'] - j1 - j2) / w1,
    )


def relative_positions(
    step: dict[str, Any], grid: tuple[int, int], dims: int
) -> Tensor:
    """(B, H * W, 2 dims): one patch of one image at a time."""
    geometry = {k: v.tolist() for k, v in relative_geometry(step).items()}
    images = []
    for b, flipped in enumerate(geometry['rel_flip']):
        dh, dw, di, dj, djf = (
            geometry[f'rel_{name}'][b]
            for name in (
                *('delta_h', 'delta_w', 'delta_i', 'delta_j'),
                'flip_delta_j',
            )
        )
        scale = sincos(10 * math.log(dh), dims // 2)
        scale += sincos(10 * math.log(dw), dims // 2)
        rows = []
        for r in range(grid[0]):
            for c in range(grid[1]):
                y = dh * (r + 0.5) + grid[0] * di - 0.5
                x = dw * (c + 0.5) + grid[1] * dj - 0.5
                if flipped:
                    x = -dw * (c + 0.5) + grid[1] * djf - 0.5
                rows.append(
                    sincos(y, dims // 2) + sincos(x, dims // 2) + scale
                )
        images.append(rows)
    return torch.tensor(images, dtype=torch.float64)


def visible(x: Tensor, mask: Tensor) -> Tensor:
    """(B, V, C): the rows of (B, L, C) where the mask (B, H, W) is zero."""
    rows = [x[i][image.flatten() == 0] for i, image in enumerate(mask)]
    return torch.stack(rows)


class Plain:
    """One training state and the functions of the method on it."""

    def __init__(self, config: dict[str, Any], state: State) -> None:
        self.config = config
        self.state = {
            k: v.double() if v.is_floating_point() else v.clone()
            for k, v in state.items()
        }

    def linear(self, x: Tensor, name: str) -> Tensor:
        return x @ self.state[f'{name}.weight'].T + self.state[f'{name}.bias']

    def layer_norm(self, x: Tensor, eps: float) -> Tensor:
        centred = x - x.mean(-1, keepdim=True)
        return centred / (centred.square().mean(-1, keepdim=True) + eps).sqrt()

    def norm(self, x: Tensor, name: str) -> Tensor:
        """BatchNorm over all rows if the state holds one, else LayerNorm."""
        if f'{name}.bn.weight' not in self.state:
            x = self.layer_norm(x, self.config['ln_eps'])
            return (
                x * self.state[f'{name}.weight'] + self.state[f'{name}.bias']
            )
        rows = x.flatten(0, 1)
        mean = rows.mean(0)
        variance = (rows - mean).square().mean(0)
        self.track(f'{name}.bn', mean, variance, len(rows))
        x = (x - mean) / (variance + self.config['bn_eps']).sqrt()
        scale, shift = (
            self.state[f'{name}.bn.{n}'] for n in ('weight', 'bias')
        )
        return x * scale + shift

    @torch.no_grad()
    def track(self, name: str, mean: Tensor, var: Tensor, rows: int) -> None:
        new = self.config['bn_momentum']
        var = var * rows / (rows - 1)
        for buffer, value in (('running_mean', mean), ('running_var', var)):
            old = self.state[f'{name}.{buffer}']
            self.state[f'{name}.{buffer}'] = (1 - new) * old + new * value
        self.state[f'{name}.num_batches_tracked'] += 1

    def attention(self, x: Tensor, name: str, heads: int) -> Tensor:
        """One head at a time."""
        queries, keys, values = self.linear(x, f'{name}.qkv').chunk(3, -1)
        width = x.shape[-1] // heads
        outputs = []
        for head in range(heads):
            part = slice(head * width, (head + 1) * width)
            scores = queries[..., part] @ keys[..., part].transpose(1, 2)
            weights = (scores / width**0.5).softmax(-1)
            outputs.append(weights @ values[..., part])
        return self.linear(torch.cat(outputs, -1), f'{name}.proj')

    def blocks(self, x: Tensor, name: str, depth: int, heads: int) -> Tensor:
        for i in range(depth):
            block = f'{name}.{i}'
            normed = self.norm(x, f'{block}.norm1')
            x = x + self.attention(normed, f'{block}.attn', heads)
            x = self.mlp(x, block)
        return x

    def mlp(self, x: Tensor, block: str) -> Tensor:
        hidden = self.norm(x, f'{block}.norm2')
        hidden = self.linear(hidden, f'{block}.mlp.fc1')
        hidden = hidden * 0.5 * (1 + (hidden / 2**0.5).erf())
        return x + self.linear(hidden, f'{block}.mlp.fc2')

    def backbone(
        self, images: Tensor, prefix: str = '', mask: Tensor | None = None
    ) -> Tensor:
        """Tokens of the visible patches of each image, cls first."""
        kernel = self.state[f'{prefix}patch_embed.proj.weight']
        high, wide = kernel.shape[2:]
        patches = images.double().unfold(2, high, high).unfold(3, wide, wide)
        patches = patches.permute(0, 2, 3, 1, 4, 5).flatten(3).flatten(1, 2)
        x = patches @ kernel.flatten(1).T
        x = x + self.state[f'{prefix}patch_embed.proj.bias']
        positions = self.state['pos_embed']
        x = x + positions[:, 1:]
        if mask is not None:
            x = visible(x, mask)
        cls = self.state[f'{prefix}cls_token'] + positions[:, :1]
        x = torch.cat([cls.expand(len(x), -1, -1), x], 1)
        depth, heads = self.config['depth'], self.config['num_heads']
        return self.blocks(x, f'{prefix}blocks', depth, heads)

    def encode(
        self, images: Tensor, prefix: str = '', mask: Tensor | None = None
    ) -> Tensor:
        """Visible patches of each image through backbone and projector."""
        x = self.backbone(images, prefix, mask)
        return self.blocks(
            self.linear(x, f'{prefix}decoder_embed'),
            f'{prefix}projector_decoder_blocks',
            self.config['projector_depth'],
            self.config['decoder_num_heads'],
        )

    def loss(self, step: dict[str, Any]) -> Tensor:
        """All pairs of predictions and targets, one N x N matrix."""
        config = self.config
        with torch.no_grad():
            target = self.encode(step['view2'], 'mm_')[:, 1:]
            target = self.layer_norm(target, 1e-5).flatten(0, 1)
        tokens = self.encode(step['view1'], mask=step['mask'])
        batch, _, width = tokens.shape
        grid = step['mask'].shape[1:]
        positions = grid_positions(grid, width)[:, 1:].expand(batch, -1, -1)
        places = visible(positions, step['mask'])
        queries = self.state['mask_token'] + self.linear(
            relative_positions(step, grid, width), 'decoder_pos_mlp'
        )
        x = torch.cat([tokens[:, :1], tokens[:, 1:] + places, queries], 1)
        x = self.blocks(
            x,
            'predictor_decoder_blocks',
            config['predictor_depth'],
            config['decoder_num_heads'],
        )
        x = x[:, -positions.shape[1] :]
        x = self.linear(x, 'decoder_pred').flatten(0, 1)
        positive = (x - target).square().sum(1).mean()
        negative = (x @ target.T).square().mean()
        return (positive + config['neg_weight'] * negative) / width
