"""Compares pretraining steps with a reference file, tensor by tensor.

The file holds what the public implementation computed: weights, inputs,
geometry, losses, gradients and the weights after a few AdamW steps. The same
registered classes that training uses repeat the steps here.
"""

from typing import Any

import torch
from torch import Tensor

from ..engine.optim_wrapper import AutocastOptimWrapper
from ..layouts.published import convert_published, published_to_ours
from ..models import SiameseIM
from ..models.position import relative_geometry
from .rebuild import build_model, build_optimizer
from .report import Row, absolute_deviation, relative_deviation, worst

_GEOMETRY = {  # name in the file -> field of RelativeGeometry
    'rel_delta_i': 'delta_i',
    'rel_delta_j': 'delta_j',
    'rel_delta_h': 'scale_h',
    'rel_delta_w': 'scale_w',
    'rel_flip': 'flip',
    'rel_flip_delta_j': 'flip_delta_j',
}


def compare(contents: dict[str, Any]) -> list[Row]:
    """Repeat the file's steps and report the largest deviations.

    Args:
        contents (dict[str, Any]): a loaded ``reference_steps_*.pt``: config,
            state, steps, state_after.

    Returns:
        list[Row]: positions and geometry (absolute), losses, gradient norms,
        gradients of step one, weights after all steps (relative).
    """
    config, steps = contents['config'], contents['steps']
    model = build_model(config, contents['state'])
    model.load_state_dict(convert_published(contents['state']))
    model.train()
    optim_wrapper = build_optimizer(config, model)
    rows = _position_rows(model, contents['state'], steps)
    for number, step in enumerate(steps, start=1):
        loss, gradients = run_step(model, optim_wrapper, step)
        rows += _loss_rows(number, loss, optim_wrapper.grad_norm, step)
        if 'grads_after_clip' in step:
            rows += _gradient_rows(number, gradients, step)
    # either side may have moved by lr at each step, in opposite directions
    largest_move = 2 * config['lr'] * len(steps)
    return rows + _state_rows(model, contents['state_after'], largest_move)


def run_step(
    model: SiameseIM,
    optim_wrapper: AutocastOptimWrapper,
    step: dict[str, Any],
) -> tuple[Tensor, dict[str, Tensor]]:
    """One step as training does it: EMA, forward, backward, clip, AdamW.

    Returns:
        tuple[Tensor, dict[str, Tensor]]: the loss, and the clipped gradients
        by parameter name.
    """
    model.update_target(step['momentum_kept'])
    data_samples = dict(
        mask=step['mask'],
        visible=torch.stack(
            [m.flatten().eq(0).nonzero()[:, 0] for m in step['mask']]
        ),
        boxes=torch.stack([step['crop1'], step['crop2']], dim=1),
        flips=torch.stack([step['flip1'], step['flip2']], dim=1),
        source_width=step['source_width'],
    )
    losses = model.loss([step['view1'], step['view2']], data_samples)
    loss, _ = model.parse_losses(losses)
    optim_wrapper.backward(loss)
    optim_wrapper.step()
    gradients = {
        name: parameter.grad.clone()
        for name, parameter in model.named_parameters()
        if parameter.grad is not None
    }
    optim_wrapper.zero_grad()
    return loss.detach(), gradients


def _position_rows(
    model: SiameseIM, state: dict[str, Tensor], steps: list[dict[str, Any]]
) -> list[Row]:
    predictor = model.neck.predictor
    # cls has no position; the buffers start at the patches
    pairs = [
        ('encoder', model.backbone._positions(predictor.grid), 'pos_embed'),
        ('decoder', predictor.positions, 'decoder_pos_embed'),
    ]
    rows = []
    for name, ours, key in pairs:
        reference = state[key][:, -ours.shape[1] :]
        deviation = absolute_deviation(ours, reference)
        rows.append(Row(f'{name} positions', deviation, 1e-5))
    return rows + [
        worst('relative geometry', _geometry_rows(number, step))
        for number, step in enumerate(steps, start=1)
    ]


def _geometry_rows(number: int, step: dict[str, Any]) -> list[Row]:
    geometry = relative_geometry(
        torch.stack([step['crop1'], step['crop2']], dim=1),
        torch.stack([step['flip1'], step['flip2']], dim=1),
        step['source_width'],
    )
    rows = []
    for key, field in _GEOMETRY.items():
        deviation = absolute_deviation(getattr(geometry, field), step[key])
        rows.append(Row(f'step {number} {key}', deviation, 1e-5))
    return rows


def _loss_rows(
    number: int, loss: Tensor, grad_norm: Tensor | None, step: dict[str, Any]
) -> list[Row]:
    assert grad_norm is not None  # the optimizer of build_optimizer clips
    ours = {'loss': loss, 'grad_norm': grad_norm}
    tolerance = {'loss': 1e-5, 'grad_norm': 1e-4}
    return [
        Row(
            f'step {number} {name}',
            relative_deviation(value, torch.as_tensor(step[name])),
            tolerance[name],
        )
        for name, value in ours.items()
    ]


def _compare_all(
    ours: dict[str, Tensor], reference: dict[str, Tensor]
) -> list[Row]:
    missing = torch.empty(0)  # its deviation is infinite
    return [
        Row(name, relative_deviation(ours.get(name, missing), tensor), 1e-4)
        for name, tensor in reference.items()
    ]


def _gradient_rows(
    number: int, ours: dict[str, Tensor], step: dict[str, Any]
) -> list[Row]:
    reference = {}
    for name, gradient in step['grads_after_clip'].items():
        our_name = published_to_ours(name)
        if our_name is not None and gradient is not None:
            reference[our_name] = gradient
    rows = _compare_all(ours, reference)
    # a gradient that only we compute is a deviation too
    rows += [Row(name, float('inf'), 1e-4) for name in ours.keys() - reference]
    return [worst(f'step {number} gradients', rows)]


def _state_rows(
    model: SiameseIM, state_after: dict[str, Tensor], largest_move: float
) -> list[Row]:
    """Weights and buffers after all steps, online and target apart.

    Softmax does not change when a constant is added to all keys, so the key
    bias has no gradient. What is computed for it is rounding noise, which
    AdamW scales up to moves of visible size: no two implementations agree
    (step one's gradients, where the noise is still small, are compared in
    full). Key biases may differ by twice AdamW's largest move, ``lr`` a step.
    """
    ours, reference = model.state_dict(), convert_published(state_after)
    key_biases = []
    for name in [n for n in reference if n.endswith('qkv.bias')]:
        (q, k, v), (ref_q, ref_k, ref_v) = (
            state[name].chunk(3) for state in (ours, reference)
        )
        key_biases.append(
            Row(name, absolute_deviation(k, ref_k), largest_move)
        )
        ours[name], reference[name] = (
            torch.cat([q, v]),
            torch.cat([ref_q, ref_v]),
        )
    groups: dict[str, list[Row]] = {}
    for row in _compare_all(ours, reference):
        groups.setdefault(_group(row.name), []).append(row)
    return [
        *(worst(f'{name} after', rows) for name, rows in groups.items()),
        worst('key biases after, absolute', key_biases),
    ]


def _group(name: str) -> str:
    """Heading under which a tensor of the final state is reported."""
    branch = 'target' if name.startswith('target.') else 'online'
    buffers = ('running_mean', 'running_var', 'num_batches_tracked')
    is_buffer = name.endswith(buffers)
    return f'{branch} {"BatchNorm buffers" if is_buffer else "weights"}'
