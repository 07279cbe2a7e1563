"""For timm."""

from ...layouts.names import ours_to_timm
from ..plain_vit import PlainViT
from .target import Target

# The entry point only sets defaults, all of which the arguments replace.
_NAMES = {
    192: 'vit_tiny_patch16_224',
    384: 'vit_small_patch16_224',
    1024: 'vit_large_patch16_224',
    1280: 'vit_huge_patch14_224',
}


def timm(vit: PlainViT) -> Target:
    """``timm.models.VisionTransformer``, as a folder or as tensors alone.

    Raises:
        ValueError: if both all tokens and their mean are normed.
    """
    if vit.has_final_norm and vit.pools:
        raise ValueError(
            'timm norms all tokens or their mean, but this ViT does both'
        )
    state = {ours_to_timm(name): t for name, t in vit.tensors.items()}
    state |= {f'head.{name}': tensor for name, tensor in vit.head.items()}
    mean, std = vit.normalisation.fractions(vit.in_channels)
    arch, size = vit.arch, vit.patch_size
    arguments = dict(
        img_size=list(vit.img_size),
        patch_size=size[0] if len({*size}) == 1 else list(size),
        in_chans=vit.in_channels,
        embed_dim=arch['embed_dims'],
        depth=arch['num_layers'],
        num_heads=vit.num_heads,
        mlp_ratio=_ratio(arch['feedforward_channels'], arch['embed_dims']),
        class_token=vit.has_cls,
        global_pool='token' if vit.reads_cls else 'avg',
        fc_norm=vit.pools,
        final_norm=vit.pools or vit.has_final_norm,
    )
    num_classes = len(vit.head['weight']) if vit.head else 0
    config = dict(
        architecture=_NAMES.get(arch['embed_dims'], 'vit_base_patch16_224'),
        num_classes=num_classes,
        model_args=arguments,
        pretrained_cfg=dict(
            num_classes=num_classes,
            input_size=[vit.in_channels, *vit.img_size],
            mean=mean,
            std=std,
            first_conv='patch_embed.proj',
            classifier='head',
        ),
    )
    given = ', '.join(f'{k}={v!r}' for k, v in arguments.items())
    usage = (
        "folder: timm.create_model('local-dir:FOLDER', pretrained=True); "
        f'file: VisionTransformer({given}, num_classes={num_classes})'
        '.load_state_dict(...)'
    )
    return Target(state, usage, container='', config=config)


def _ratio(hidden: int, width: int) -> float:
    """MLP ratio that timm's ``int(width * ratio)`` makes the hidden width."""
    ratio = hidden / width
    return ratio if int(width * ratio) == hidden else (hidden + 0.5) / width
