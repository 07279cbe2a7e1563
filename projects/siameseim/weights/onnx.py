"""Export of a backbone as an ONNX program."""

import logging
import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from .model import build_backbone
from .plain_vit import PlainViT


class _Outputs(nn.Module):
    """All that is wanted of a ViT in one forward pass."""

    def __init__(self, vit: PlainViT) -> None:
        super().__init__()
        self.backbone = build_backbone(vit)
        self.head: nn.Linear | None = None
        if vit.head:
            self.head = nn.Linear(*vit.head['weight'].T.shape)
            self.head.load_state_dict(vit.head)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """(B, 3, height, width) -> (B, E + L, C), (B, C), perhaps (B, N)."""
        backbone = self.backbone
        tokens = backbone.encode(images)
        features = backbone._format_output(tokens, backbone.patch_resolution)
        if self.head is None:
            return tokens, features
        return tokens, features, self.head(features)


def export_onnx(vit: PlainViT, destination: Path) -> str:
    """Write an ONNX program for any batch size and one image size.

    Its input is ``images`` (B, 3, height, width), its outputs ``tokens``
    (B, E + L, C) with the cls token first, ``features`` (B, C), which are
    what ``get_model`` returns, and ``logits`` (B, N) if there is a
    classifier.

    Args:
        vit (PlainViT): positions on the grid of the wanted image size.
        destination (Path): ``.onnx`` file.

    Returns:
        str: how to run it.

    Raises:
        ImportError: without the packages onnx and onnxscript.
    """
    try:
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise ImportError(
            'exporting ONNX needs two packages: pip install onnx onnxscript'
        ) from error
    destination.parent.mkdir(parents=True, exist_ok=True)
    model = _Outputs(vit).eval()
    names = ['tokens', 'features', *(['logits'] if vit.head else [])]
    # a batch of one would be taken for a constant
    images = torch.zeros(2, vit.in_channels, *vit.img_size)
    logging.getLogger('torch.onnx').setLevel(logging.ERROR)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter('ignore')
        torch.onnx.export(
            model,
            (images,),
            str(destination),
            input_names=['images'],
            output_names=names,
            dynamic_shapes=({0: torch.export.Dim('batch')},),
            external_data=False,
            verbose=False,
        )
    return (
        f'onnxruntime.InferenceSession(FILE).run({names}, '
        f"{{'images': (B, {vit.in_channels}, {vit.img_size[0]}, "
        f'{vit.img_size[1]}) float32}})'
    )
