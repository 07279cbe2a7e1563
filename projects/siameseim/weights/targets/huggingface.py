"""For Hugging Face transformers."""

from typing import Any

from ...evaluation.features import short_side
from ...layouts.huggingface import ours_to_huggingface
from ..plain_vit import PlainViT
from .target import Target


def huggingface(vit: PlainViT) -> Target:
    """``ViTModel``, or ``ViTForImageClassification`` where it can classify.

    The library always norms the tokens at the end. A ViT without final norm
    gets one with weight 1 and bias 0, and equals ``hidden_states[-1]``,
    which is before it.

    Raises:
        ValueError: if the patches are not square.
    """
    if len({*vit.patch_size}) > 1:
        raise ValueError(
            f'ViTModel takes square patches, not {vit.patch_size}'
        )
    notes = []
    tensors = dict(vit.without('ln2.weight', 'ln2.bias').tensors)
    if not vit.has_final_norm:
        like = vit.tensors['layers.0.ln1.weight']
        tensors |= {'ln1.weight': like.new_ones(like.shape)}
        tensors |= {'ln1.bias': like.new_zeros(like.shape)}
        notes.append(
            'transformers always norms at the end: features equal '
            'model(images, output_hidden_states=True).hidden_states[-1], and '
            'last_hidden_state is a LayerNorm (weight 1, bias 0) of them'
        )
    kind, state = 'ViTModel', ours_to_huggingface(tensors)
    if vit.head and vit.reads_cls:
        kind = 'ViTForImageClassification'
        state = {f'vit.{name}': tensor for name, tensor in state.items()}
        state |= {f'classifier.{name}': t for name, t in vit.head.items()}
    elif vit.head:
        notes.append(
            'the classifier is dropped: it takes the mean of the patch '
            'tokens, and ViTForImageClassification the normed cls token'
        )
    return Target(
        state,
        _usage(vit, kind),
        container='',
        config=_config(vit, kind),
        preprocessor=_preprocessor(vit),
        notes=notes,
    )


def _usage(vit: PlainViT, kind: str) -> str:
    more, given = '', _sizes(vit)
    if kind == 'ViTModel':
        more = ', add_pooling_layer=False'
    else:
        given['num_labels'] = len(vit.head['weight'])
    arguments = ', '.join(f'{name}={v!r}' for name, v in given.items())
    return (
        f"folder: transformers.{kind}.from_pretrained('FOLDER'{more}); "
        f'file: model = transformers.{kind}(transformers.ViTConfig('
        f'{arguments}){more}), then model.load_state_dict(torch.load(FILE)), '
        'for .safetensors safetensors.torch.load_file(FILE)'
    )


def _preprocessor(vit: PlainViT) -> dict[str, Any]:
    """What ``AutoImageProcessor`` makes of an image: our central view."""
    mean, std = vit.normalisation.fractions(vit.in_channels)
    if len(mean) != vit.in_channels:
        return {}  # nothing is known of these channels
    height, width = vit.img_size
    return dict(
        # ViT's own processor would not cut, but squeeze the image
        image_processor_type='BitImageProcessor',
        do_convert_rgb=True,
        do_resize=True,
        size=dict(shortest_edge=short_side(vit.img_size)),
        resample=2,  # bilinear
        do_center_crop=True,
        crop_size=dict(height=height, width=width),
        do_rescale=True,
        rescale_factor=1 / 255,
        do_normalize=True,
        image_mean=mean,
        image_std=std,
    )


def _sizes(vit: PlainViT) -> dict[str, Any]:
    """Arguments of ``ViTConfig`` that are not the usual ones."""
    arch, (height, width) = vit.arch, vit.img_size
    return dict(
        hidden_size=arch['embed_dims'],
        num_hidden_layers=arch['num_layers'],
        num_attention_heads=vit.num_heads,
        intermediate_size=arch['feedforward_channels'],
        layer_norm_eps=vit.norm_eps,
        image_size=height if height == width else [height, width],
        patch_size=vit.patch_size[0],
        num_channels=vit.in_channels,
    )


def _config(vit: PlainViT, kind: str) -> dict[str, Any]:
    config: dict[str, Any] = dict(
        architectures=[kind],
        model_type='vit',
        hidden_act='gelu',
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        qkv_bias=True,
        **_sizes(vit),
    )
    if kind != 'ViTModel':
        labels = [f'LABEL_{i}' for i in range(len(vit.head['weight']))]
        config['id2label'] = {str(i): label for i, label in enumerate(labels)}
        config['label2id'] = {label: i for i, label in enumerate(labels)}
    return config
