"""Stock parts of Mask R-CNN that need fp32 under bf16 autocast."""

from mmdet.models.dense_heads import RPNHead
from mmdet.models.roi_heads.roi_extractors import SingleRoIExtractor
from mmdet.registry import MODELS
from torch import Tensor


@MODELS.register_module()
class SiameseIMRPNHead(RPNHead):
    """``RPNHead`` whose outputs are fp32 under autocast.

    Proposals pass mmcv's NMS during training, which knows no bf16.
    """

    def forward_single(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Objectness and box deltas of one level.

        Args:
            x (Tensor): (B, C, H, W).

        Returns:
            tuple[Tensor, Tensor]: (B, anchors, H, W) logits and
            (B, anchors * 4, H, W) deltas, fp32.
        """
        scores, deltas = super().forward_single(x)
        return scores.float(), deltas.float()


@MODELS.register_module()
class SiameseIMRoIExtractor(SingleRoIExtractor):
    """``SingleRoIExtractor`` that samples in fp32 under autocast.

    mmcv's RoIAlign knows no bf16, and the stock extractor rounds boxes to
    the type of the features: bf16 knows positions beyond 512 pixels only to
    4 pixels.
    """

    def forward(
        self,
        feats: tuple[Tensor, ...],
        rois: Tensor,
        roi_scale_factor: float | None = None,
    ) -> Tensor:
        """Features of the boxes.

        Args:
            feats (tuple[Tensor, ...]): levels (B, C, H, W).
            rois (Tensor): (N, 5), image index and box in pixels.
            roi_scale_factor (float, optional): enlarges the boxes.

        Returns:
            Tensor: (N, C, output_size, output_size), fp32.
        """
        feats = tuple(level.float() for level in feats)
        return super().forward(feats, rois.float(), roi_scale_factor)
