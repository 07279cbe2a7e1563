"""SiameseIM: Siamese Image Modeling (https://arxiv.org/abs/2206.01204)."""

from typing import Any, NamedTuple

from mmpretrain.models import BaseSelfSupervisor
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from .arch import check_backbone
from .loss_checks import check_batch, checked_losses
from .position import relative_geometry
from .target import MomentumTarget


class StepFeatures(NamedTuple):
    """Features that a training step computed anyway, without gradient.

    View 1 is seen by its V visible patches only, view 2 by all L.
    """

    online: Tensor  # (B, V, C) patch tokens of the online backbone
    target: Tensor  # (B, L, C) of the target backbone
    projected: Tensor  # (B, L, D) of the target projector, what is predicted
    prediction: Tensor  # (B, L, D) what view 1 predicts of view 2's


@MODELS.register_module()
class SiameseIM(BaseSelfSupervisor):
    """Predict the dense features of one view from another, masked one.

    The online branch encodes the visible patches of view 1 and predicts, from
    where the two crops lie, the features of every patch of view 2 as the
    momentum target encodes it. ``MomentumTargetHook`` moves the target once
    per optimizer step.

    ``step_features`` are those of the last call of ``loss``, for hooks to look
    at before the next one; None before the first.

    Args:
        backbone (dict | nn.Module): a ``SiameseIMViT``. Its ``with_cp`` is the
            switch for activation checkpointing of the whole model.
        neck (dict | nn.Module): a ``SiameseIMNeck``; of a config, width, grid
            and ``with_cp`` are taken from the backbone unless given.
        head (dict | nn.Module): a ``SiameseIMHead``.
        **kwargs: ``data_preprocessor`` and ``init_cfg`` of
            ``BaseSelfSupervisor``.

    Raises:
        ValueError: if the image size is no multiple of the patch size.
        InputError: if the backbone has no cls token, or cannot encode the
            visible patches alone.
    """

    def __init__(
        self,
        backbone: dict | nn.Module,
        neck: dict | nn.Module,
        head: dict | nn.Module,
        **kwargs: Any,
    ) -> None:
        built = isinstance(backbone, nn.Module)
        encoder: Any = backbone if built else MODELS.build(backbone)
        check_backbone(encoder)
        if isinstance(neck, dict):
            inferred = dict(
                in_channels=encoder.embed_dims,
                grid=encoder.patch_resolution,
                with_cp=encoder.with_cp,
            )
            neck = {**inferred, **neck}
        super().__init__(encoder, neck, head, **kwargs)
        self.target = MomentumTarget(self.backbone, self.neck.projector)
        self.step_features: StepFeatures | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Copies and files take no features along, nor CUDA graphs."""
        state = {**super().__getstate__(), 'step_features': None}
        state.pop('loss', None)  # of ``engine.step_graph``
        return state

    def init_weights(self) -> None:
        """Initialise the online branch and let the target start equal."""
        super().init_weights()
        self.target.copy_from(self.backbone, self.neck.projector)

    def update_target(
        self, momentum: float, skipped: Tensor | None = None
    ) -> None:
        """Move the target, as ``MomentumTarget.update`` says."""
        self.target.update(
            self.backbone, self.neck.projector, momentum, skipped
        )

    def loss(
        self, inputs: list[Tensor], data_samples: dict[str, Tensor]
    ) -> dict[str, Tensor]:
        """One training step's loss terms.

        Args:
            inputs (list[Tensor]): view 1 and view 2, each
                (B, 3, height, width), normalised.
            data_samples (dict[str, Tensor]): ``mask`` (B, rows, columns) of
                view 1's patch grid, ``visible`` (B, V) indices of the
                patches that it leaves visible, ``boxes`` (B, 2, 4) in pixels,
                ``flips`` (B, 2), ``source_width`` (B,) in pixels.

        Returns:
            dict[str, Tensor]: fp32 scalars of the head: 'loss_pos' and
            'loss_neg'.

        Raises:
            InputError: if the head returns no loss or what is no tensor, or
                the batch is not what ``PackTwoViews`` makes, or there are not
                two views, or they have another size than the backbone's
                ``img_size``, or the mask another grid than its patches.
        """
        check_batch(self.backbone, inputs, data_samples)
        view1, view2 = inputs
        visible = data_samples['visible']
        geometry = relative_geometry(
            data_samples['boxes'],
            data_samples['flips'],
            data_samples['source_width'],
        )
        self.step_features = None  # its memory is needed
        encoded, target = self.target.encode(view2)
        online = self.backbone(view1, visible)
        tokens = self.neck.projector(online)
        prediction = self.neck.predictor(tokens, visible, geometry)
        self.step_features = StepFeatures(
            online.detach()[:, 1:], encoded, target, prediction.detach()
        )
        return checked_losses(self.head, self.head.loss(prediction, target))
