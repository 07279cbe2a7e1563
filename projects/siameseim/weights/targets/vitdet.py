"""For ViTDet: detectron2's and this package's."""

from ...layouts.vitdet import to_detectron2
from ...models.stored_positions import with_extra_rows
from ..plain_vit import PlainViT
from .openmmlab import NO_CLS, PRETRAINED, text
from .target import Target


def detectron2(vit: PlainViT) -> Target:
    """detectron2's ViTDet: ``backbone.net.*`` and ``backbone.simfp_*``.

    The positions have a row for a cls token, as its backbone expects.
    """
    tensors = vit.dense()
    tensors['pos_embed'] = with_extra_rows(tensors['pos_embed'], 0, 1)
    renamed = to_detectron2(tensors, vit.pyramid, vit.patch_size[0])
    notes = _notes(vit)
    if vit.positions.first_half is not None:
        notes.append(
            'detectron2 interpolates positions, where SiameseIMViTDet '
            'recomputes sin-cos ones: for equal features give --img-size '
            'the size of its input'
        )
    return Target(
        {f'backbone.{name}': tensor for name, tensor in renamed.items()},
        'train.init_checkpoint=FILE, with pretrain_img_size='
        f'{vit.img_size[0]} in the backbone',
        container='model',
        notes=notes,
    )


def vitdet(vit: PlainViT) -> Target:
    """``SiameseIMViTDet`` and ``SiameseIMSimplePyramid`` of this package."""
    state = {f'backbone.{n}': t for n, t in vit.dense().items()}
    state |= {f'neck.{n}': t for n, t in vit.pyramid.items()}
    cfg = dict(type='SiameseIMViTDet', **vit.settings)
    for name in ('final_norm', 'with_cls_token'):
        cfg.pop(name, None)
    return Target(
        state,
        text(cfg)
        + PRETRAINED
        + (', or load_from=FILE for the pyramid too' if vit.pyramid else ''),
        notes=_notes(vit),
    )


def _notes(vit: PlainViT) -> list[str]:
    notes = []
    if vit.has_cls:
        notes.append(f'ViTDet has no cls token: {NO_CLS}')
    if vit.has_final_norm:
        notes.append('ViTDet has no final norm: the one here is dropped')
    if not vit.tables:
        notes.append(
            'the source has no relative positions and no windows: ViTDet '
            'starts both anew, at zero'
        )
    return notes
