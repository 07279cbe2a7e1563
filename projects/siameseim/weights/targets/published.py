"""For the public SiameseIM programs."""

from torch import Tensor

from ...layouts.names import ours_to_timm
from ...layouts.published import ours_to_published
from ...models.position import grid_sincos
from ..plain_vit import PlainViT
from .target import Target, require_head

_USAGE = "torch.load(FILE)['model'] in the public programs"


def published(vit: PlainViT) -> Target:
    """The layout of the published pretraining files.

    Without neck and target branch in the source it is the backbone alone,
    from which the public fine-tuning programs start.
    """
    state = _named_as_timm(vit.without('ln2.weight', 'ln2.bias'))
    if not vit.pretraining:
        note = 'backbone only: enough to fine-tune, not to go on pretraining'
        return Target(state, _USAGE, container='model', notes=[note])
    for name, tensor in vit.pretraining.items():
        # the file has one set of fixed positions for both branches
        if name != 'target.backbone.pos_embed':
            state[ours_to_published(name)] = tensor
    mask_token = vit.pretraining['neck.predictor.mask_token']
    state['mm_mask_token'] = mask_token
    extra = grid_sincos(vit.grid, mask_token.shape[-1], 1)
    state['decoder_pos_embed'] = extra.to(mask_token)
    note = (
        'decoder_pos_embed is computed and mm_mask_token, which is never '
        'used, is a copy of mask_token'
    )
    return Target(state, _USAGE, container='model', notes=[note])


def published_finetuned(vit: PlainViT) -> Target:
    """The layout of the published fine-tuned files.

    Raises:
        ValueError: if the source has no classifier that fits them.
    """
    require_head(vit, "to='published'")
    if vit.takes_mean:
        raise ValueError(
            'the classifier takes the mean of the normed patch tokens, and '
            'the public programs norm after taking the mean'
        )
    state = _named_as_timm(vit)
    state |= {f'head.{name}': tensor for name, tensor in vit.head.items()}
    return Target(state, _USAGE, container='model')


def _named_as_timm(vit: PlainViT) -> dict[str, Tensor]:
    return {ours_to_timm(name): t for name, t in vit.tensors.items()}
