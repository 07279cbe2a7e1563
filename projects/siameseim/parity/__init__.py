"""Comparison with the tensors of the public implementations."""

from pathlib import Path

from ..layouts.safe_load import load_file
from . import finetuned, steps, vitdet
from .report import Row

__all__ = ['compare_file']


def compare_file(file: Path) -> list[Row]:
    """Compare our computation with a reference file of any known schema.

    Args:
        file (Path): pretraining steps, a ViTDet forward pass, or the outputs
            of a fine-tuned classifier (``X_io.pt``), whose checkpoint
            (``X.pth``) lies beside it; either of the two may be given.

    Raises:
        ValueError: if the file's contents belong to no known schema.
    """
    contents = load_file(str(file))
    keys = contents.keys()
    if {'config', 'state', 'steps', 'state_after'} <= keys:
        return steps.compare(contents)
    if {'config', 'state', 'backbone_feature', 'pyramid'} <= keys:
        return vitdet.compare(contents)
    if {'config', 'input', 'logits', 'tokens_before_norm'} <= keys:
        return finetuned.compare(contents, finetuned.checkpoint_of(file))
    outputs = file.with_name(f'{file.stem}_io.pt')
    if 'model' in keys and outputs.is_file():
        return finetuned.compare(load_file(str(outputs)), file)
    raise ValueError(
        f'{file} has the keys {sorted(keys)}, which match no known reference '
        'schema (pretraining steps: config, state, steps, state_after; '
        'ViTDet: config, state, input, backbone_feature, pyramid; fine-tuned '
        'outputs: config, input, logits, tokens_before_norm)'
    )
