"""A training step of the plain model, as one writes it first."""

import torch
from mmengine.config import Config
from torch import Tensor

from ...engine.precision import use_bf16
from ..step import StepBenchmark, as_loaded
from .copying import plain_copy


def refuse_other_work(step: StepBenchmark) -> None:
    """Let nothing be compared with a plain step that does other work.

    Raises:
        ValueError: naming the settings that the plain step has not.
    """
    model = step.model
    ours = {
        'model.data_preprocessor.symmetric': getattr(
            model.data_preprocessor, 'symmetric', False
        ),
        'model.backbone.with_cp': model.backbone.with_cp,
        'model.head.whiten_target': model.head.whiten_target,
        'model.neck.input_norm': model.neck.predictor.input_norm,
        'on_device of ViewPhotometric': 'changes'
        in step.batch['data_samples'],
    }
    extra = [name for name, used in ours.items() if used]
    if extra:
        raise ValueError(
            f'the plain step has no counterpart for {" and ".join(extra)}: '
            'turn that off with --cfg-options, or compare with another step'
        )


class PlainStep:
    """Plain model, loop and AdamW with the weights and batch of ``step``.

    Autocast as in the config, one EMA operation a tensor, AdamW as torch
    builds it by default, and the loss read back at each step.

    Raises:
        ValueError: if that does other work.
    """

    name = 'plain'

    def __init__(self, cfg: Config, step: StepBenchmark) -> None:
        refuse_other_work(step)
        self.batch_size = step.batch_size
        self.device = step.device
        self.model = plain_copy(step.model).to(self.device)
        self.bf16 = use_bf16(
            cfg.optim_wrapper.precision, torch.device(self.device).type
        )
        options = dict(cfg.optim_wrapper.optimizer)
        del options['type']
        trained = [p for p in self.model.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(trained, **options)
        self.views, self.samples = as_loaded(self._batch(step), self.device)

    def run(self) -> None:
        """One optimizer step."""
        self.model.update_target(0.996)
        views = [view.to(self.device) for view in self.views]
        samples = [sample.to(self.device) for sample in self.samples]
        with torch.autocast(
            torch.device(self.device).type, torch.bfloat16, self.bf16
        ):
            loss = self.model(views, *samples)
        if not loss.isfinite():
            raise FloatingPointError(f'the loss is {loss.item()}')
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad()

    def _batch(self, step: StepBenchmark) -> tuple[list[Tensor], list[Tensor]]:
        """Normalised float views, and mask and geometry, on the CPU."""
        preprocessor = step.model.data_preprocessor
        mean, std = preprocessor.mean.cpu(), preprocessor.std.cpu()
        views = [(view - mean) / std for view in step.batch['inputs']]
        samples = step.batch['data_samples']
        return views, [
            samples['mask'].flatten(1),
            samples['boxes'],
            samples['flips'],
            samples['source_width'],
        ]
