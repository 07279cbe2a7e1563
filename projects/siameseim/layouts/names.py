"""Names of a ViT's tensors in timm's layout and in mmpretrain's (ours)."""

import re

# timm -> ours; timm's names are those of MAE, DeiT and the published files
_AT_START = {
    'patch_embed.proj.': 'patch_embed.projection.',
    'blocks.': 'layers.',
    'norm.': 'ln1.',
    'fc_norm.': 'ln2.',
}
_INSIDE = {
    '.norm1.': '.ln1.',
    '.norm2.': '.ln2.',
    '.mlp.fc1.': '.ffn.layers.0.0.',
    '.mlp.fc2.': '.ffn.layers.1.',
    '.ls1.gamma': '.attn.gamma1.weight',
    '.ls2.gamma': '.ffn.gamma2.weight',
}
_BACKBONE = re.compile(
    r'(cls_token|pos_embed|(patch_embed|layers|ln1|ln2|pre_norm)\..+)$'
)


def timm_to_ours(name: str) -> str:
    """Our name of a backbone tensor; other names are left alone."""
    for timm, ours in _AT_START.items():
        if name.startswith(timm):
            name = ours + name.removeprefix(timm)
    for timm, ours in _INSIDE.items():
        name = name.replace(timm, ours)
    return name


def ours_to_timm(name: str) -> str:
    """Timm's name of a tensor of a plain ViT of ours."""
    for timm, ours in _AT_START.items():
        if name.startswith(ours):
            name = timm + name.removeprefix(ours)
    for timm, ours in _INSIDE.items():
        name = name.replace(ours, timm)
    return name


def is_backbone(name: str) -> bool:
    """Whether a name in our layout belongs to a ViT backbone."""
    return _BACKBONE.match(name) is not None
