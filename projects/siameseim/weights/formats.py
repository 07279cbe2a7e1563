"""The formats that checkpoints are written in."""

from collections.abc import Callable
from typing import NamedTuple

from .plain_vit import PlainViT
from .targets.huggingface import huggingface
from .targets.openmmlab import (
    mmpretrain,
    mmpretrain_classifier,
    mmseg_mae,
    siameseim,
    siameseim_pretraining,
    vit_sam,
)
from .targets.published import published, published_finetuned
from .targets.target import Target
from .targets.timm import timm
from .targets.vitdet import detectron2, vitdet


class Format(NamedTuple):
    """One format."""

    # None for ONNX, which is a program and not a set of tensors
    build: Callable[[PlainViT], Target] | None
    library: str  # for people
    relative: bool = False  # it can hold relative positions
    needs_cls: bool = False  # it cannot do without a cls token
    any_eps: bool = True  # the eps of its LayerNorms can be set
    suffix: str = ''  # that its files must have; '' for the usual ones


FORMATS = {
    'siameseim': Format(siameseim, 'backbone of this package', relative=True),
    'safetensors': Format(
        siameseim,
        'backbone of this package',
        relative=True,
        suffix='.safetensors',
    ),
    'siameseim-pretraining': Format(
        siameseim_pretraining,
        'pretraining model of this package',
        needs_cls=True,
    ),
    'published': Format(
        published,
        'published SiameseIM pretraining',
        needs_cls=True,
        any_eps=False,
    ),
    'published-finetuned': Format(
        published_finetuned,
        'published SiameseIM fine-tuning',
        needs_cls=True,
        any_eps=False,
    ),
    'mmpretrain': Format(mmpretrain, 'mmpretrain VisionTransformer'),
    'mmpretrain-classifier': Format(
        mmpretrain_classifier, 'mmpretrain ImageClassifier'
    ),
    'vitsam': Format(vit_sam, 'mmpretrain ViTSAM', relative=True),
    'mmseg-mae': Format(mmseg_mae, 'mmseg MAE', needs_cls=True),
    'vitdet': Format(vitdet, 'ViTDet of this package', relative=True),
    'detectron2': Format(
        detectron2, 'detectron2 ViTDet', relative=True, any_eps=False
    ),
    'timm': Format(timm, 'timm VisionTransformer', any_eps=False),
    'huggingface': Format(huggingface, 'Hugging Face ViT', needs_cls=True),
    'onnx': Format(None, 'ONNX', suffix='.onnx'),
}
