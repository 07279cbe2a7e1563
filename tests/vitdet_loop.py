"""ViTDet as a plain loop, written from its definition alone.

https://arxiv.org/abs/2203.16527, with the relative positions of
https://arxiv.org/abs/2112.01526. It shares no code with the package: it reads
tensors by detectron2's names, cuts windows one by one, and computes the
logits of one query after the other, in float64.
"""

import math
from typing import Any

import torch
import torch.nn.functional as F

from tests.plain_siameseim import Plain
from tests.published_state import backbone_shapes


def distance_row(table, distance, size):
    """The vector of a distance; a table of another size is stretched.

    Linear, the ends of the two tables' cells in line, as F.interpolate does
    without align_corners.
    """
    length = 2 * size - 1
    place = (distance + size - 1 + 0.5) * len(table) / length - 0.5
    place = min(max(place, 0), len(table) - 1)
    low = min(int(place), len(table) - 1)
    high = min(low + 1, len(table) - 1)
    return table[low] * (1 - (place - low)) + table[high] * (place - low)


def attend(x, plain, name, heads):
    """One map (H, W, C), every token attends to every token."""
    height, width, channels = x.shape
    parts = plain.linear(x, f'{name}.qkv').split(channels, dim=-1)
    out = torch.zeros_like(x)
    depth = channels // heads
    table_h, table_w = (plain.state[f'{name}.rel_pos_{a}'] for a in 'hw')
    rows, columns = range(height), range(width)
    by_row = {
        d: distance_row(table_h, d, height) for d in range(1 - height, height)
    }
    by_column = {
        d: distance_row(table_w, d, width) for d in range(1 - width, width)
    }
    for head in range(heads):
        own = slice(head * depth, (head + 1) * depth)
        query, key, value = (part[..., own] for part in parts)
        for i in rows:
            for j in columns:
                q = query[i, j]
                vertical = torch.stack([q @ by_row[i - k] for k in rows])
                across = torch.stack([q @ by_column[j - k] for k in columns])
                logits = key @ q / math.sqrt(depth)  # (H, W)
                logits = logits + vertical[:, None] + across[None, :]
                weights = logits.flatten().softmax(0)
                out[i, j, own] = weights @ value.reshape(-1, depth)
    return plain.linear(out, f'{name}.proj')


def attend_in_windows(x, plain, name, heads, window):
    """Windows from the top left; the last ones are filled with zeros."""
    out = torch.zeros_like(x)
    height, width, channels = x.shape
    for top in range(0, height, window):
        for left in range(0, width, window):
            part = x[top : top + window, left : left + window]
            full = x.new_zeros(window, window, channels)
            full[: part.shape[0], : part.shape[1]] = part
            full = attend(full, plain, name, heads)
            out[top : top + window, left : left + window] = full[
                : part.shape[0], : part.shape[1]
            ]
    return out


def positions(state, config, grid):
    """(H, W, C): without the cls row, bicubic where the grid differs."""
    side = config['pretrain_img_size'] // config['patch_size']
    rows = state['net.pos_embed'][0, -(side**2) :].view(side, side, -1)
    if grid == (side, side):
        return rows
    stretched = F.interpolate(
        rows.permute(2, 0, 1)[None], grid, mode='bicubic', align_corners=False
    )
    return stretched[0].permute(1, 2, 0)


def backbone_of_one(image, state, config):
    """The last map (H, W, C) of one (3, height, width) image."""
    plain, size = Plain(config, state), config['patch_size']
    patches = image.double().unfold(1, size, size).unfold(2, size, size)
    patches = patches.permute(1, 2, 0, 3, 4).flatten(2)  # (H, W, 3 * P * P)
    kernel = plain.state['net.patch_embed.proj.weight'].flatten(1)
    x = patches @ kernel.T + plain.state['net.patch_embed.proj.bias']
    x = x + positions(plain.state, config, x.shape[:2])
    for block in range(config['depth']):
        name = f'net.blocks.{block}'
        y = plain.norm(x, f'{name}.norm1')
        heads, window = config['num_heads'], config['window_size']
        if block in config['global_attention_blocks'] or window == 0:
            y = attend(y, plain, f'{name}.attn', heads)
        else:
            y = attend_in_windows(y, plain, f'{name}.attn', heads, window)
        x = plain.mlp(x + y, name)
    return x.float()


def pyramid_of(feature, state, config):
    """Levels by name, of a (B, C, H, W) map."""
    plain = Plain(dict(ln_eps=1e-6), state)
    state, feature = plain.state, feature.double()

    def channel_norm(x, name):
        return plain.norm(x.movedim(1, -1), name).movedim(-1, 1)

    def doubled(x, name):
        weight, bias = state[f'{name}.weight'], state[f'{name}.bias']
        # each pixel becomes 2 x 2 pixels that see only it
        blocks = torch.einsum('bchw,cdij->bdhiwj', x, weight)
        return blocks.flatten(4).flatten(2, 3) + bias[:, None, None]

    levels = {}
    for scale in config['scale_factors']:
        stage = int(math.log2(config['patch_size'] / scale))
        name, x, first = f'simfp_{stage}', feature, 0
        if scale == 4:
            x = F.gelu(channel_norm(doubled(x, f'{name}.0'), f'{name}.1'))
            x, first = doubled(x, f'{name}.3'), 4
        elif scale == 2:
            x, first = doubled(x, f'{name}.0'), 1
        elif scale == 0.5:
            height, width = x.shape[2] // 2 * 2, x.shape[3] // 2 * 2
            x = x[:, :, :height, :width]
            x = x.unfold(2, 2, 2).unfold(3, 2, 2).amax((-2, -1))
            first = 1
        x = torch.einsum(
            'bchw,dc->bdhw', x, state[f'{name}.{first}.weight'][..., 0, 0]
        )
        x = channel_norm(x, f'{name}.{first}.norm')
        x = F.conv2d(x, state[f'{name}.{first + 1}.weight'], padding=1)
        x = channel_norm(x, f'{name}.{first + 1}.norm')
        levels[f'p{stage}'] = x.float()
    levels[f'p{stage + 1}'] = levels[f'p{stage}'][:, :, ::2, ::2]
    return levels


def random_state(config, mlp_ratio, cls_row):
    """Tensors by detectron2's names, none of them zero or one."""
    generator = torch.Generator().manual_seed(0)
    width, size = config['embed_dim'], config['patch_size']
    side = config['pretrain_img_size'] // size
    depth, hidden = config['depth'], width * mlp_ratio
    vit = backbone_shapes(width, depth, (size, size), hidden)
    del vit['cls_token']
    vit['pos_embed'] = (1, side**2 + cls_row, width)
    for block in range(depth):
        local = block not in config['global_attention_blocks']
        span = (local and config['window_size']) or config['img_size'] // size
        table = (2 * span - 1, width // config['num_heads'])
        for axis in 'hw':
            vit[f'blocks.{block}.attn.rel_pos_{axis}'] = table
    shapes = {f'net.{name}': shape for name, shape in vit.items()}
    for scale in config['scale_factors']:
        shapes |= pyramid_shapes(config, scale)
    state = {
        name: 0.3 * torch.randn(shape, generator=generator)
        for name, shape in shapes.items()
    }
    state['net.patch_embed.proj.weight'] /= size  # has 3 * size**2 inputs
    return state


def pyramid_shapes(config, scale):
    """Tensors of a level of the simple feature pyramid."""
    width, out = config['embed_dim'], config['out_channels']
    name = f'simfp_{int(math.log2(config["patch_size"] / scale))}'
    channels, first = {4: (width // 4, 4), 2: (width // 2, 1)}.get(
        scale, (width, int(scale == 0.5))
    )
    shapes = {}
    if scale > 1:
        shapes[f'{name}.0.weight'] = (width, width // 2, 2, 2)
        shapes[f'{name}.0.bias'] = (width // 2,)
    if scale == 4:
        shapes[f'{name}.1.weight'] = (width // 2,)
        shapes[f'{name}.1.bias'] = (width // 2,)
        shapes[f'{name}.3.weight'] = (width // 2, width // 4, 2, 2)
        shapes[f'{name}.3.bias'] = (width // 4,)
    shapes[f'{name}.{first}.weight'] = (out, channels, 1, 1)
    shapes[f'{name}.{first + 1}.weight'] = (out, out, 3, 3)
    for place in (first, first + 1):
        shapes[f'{name}.{place}.norm.weight'] = (out,)
        shapes[f'{name}.{place}.norm.bias'] = (out,)
    return shapes


def reference_file(
    config: dict[str, Any],
    shape: tuple[int, int],
    mlp_ratio: int,
    cls_row: bool,
) -> dict[str, Any]:
    """Random weights, two random images of a shape, and what they give."""
    state = random_state(config, mlp_ratio, cls_row)
    images = torch.randn(2, 3, *shape, generator=torch.manual_seed(1))
    maps = [backbone_of_one(image, state, config) for image in images]
    feature = torch.stack(maps).permute(0, 3, 1, 2).contiguous()
    return dict(
        config=config,
        state=state,
        input=images,
        backbone_feature=feature,
        pyramid=pyramid_of(feature, state, config),
    )
