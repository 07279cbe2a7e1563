"""The linear head of frozen evaluations."""

from collections.abc import Sequence
from typing import Any

from mmcv.cnn import build_norm_layer
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.registry import MODELS
from torch import Tensor


@MODELS.register_module()
class SiameseIMLinearSegHead(BaseDecodeHead):
    """BatchNorm without scale and shift, then a 1x1 convolution.

    SiameseIM's encoder ends without a norm, so its channels have very
    different scales; the BatchNorm evens them out and adds nothing that
    could not be folded into the linear classifier.

    Args:
        in_channels (int): width of the backbone; ``channels`` must be equal.
        norm_cfg (dict): kind of BatchNorm.
        **kwargs: as for ``BaseDecodeHead``.
    """

    def __init__(
        self, in_channels: int, norm_cfg: dict, **kwargs: Any
    ) -> None:
        super().__init__(in_channels=in_channels, norm_cfg=norm_cfg, **kwargs)
        _, self.norm = build_norm_layer(
            {**norm_cfg, 'affine': False}, in_channels
        )

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Class logits of each patch.

        Args:
            inputs (Sequence[Tensor]): the backbone's maps (B, C, H, W), of
                which ``in_index`` is used.

        Returns:
            Tensor: (B, num_classes, H, W).
        """
        features = self._transform_inputs(inputs)
        return self.cls_seg(self.norm(features))
