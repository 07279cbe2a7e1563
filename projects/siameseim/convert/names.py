"""Names of a ViT's tensors in timm's layout and in mmpretrain's (ours)."""

import re

# timm -> ours; timm's names are those of MAE, DeiT and the published files
_RULES = (
    (r'^patch_embed\.proj\.', 'patch_embed.projection.'),
    (r'^blocks\.', 'layers.'),
    (r'^norm\.', 'ln1.'),
    (r'^fc_norm\.', 'ln2.'),
    (r'\.norm([12])\.', r'.ln\1.'),
    (r'\.mlp\.fc1\.', '.ffn.layers.0.0.'),
    (r'\.mlp\.fc2\.', '.ffn.layers.1.'),
    (r'\.ls1\.gamma$', '.attn.gamma1.weight'),
    (r'\.ls2\.gamma$', '.ffn.gamma2.weight'),
)
# ours -> timm; a layer's parts before the layer itself
_BACK = (
    (r'\.ffn\.layers\.0\.0\.', '.mlp.fc1.'),
    (r'\.ffn\.layers\.1\.', '.mlp.fc2.'),
    (r'\.ln([12])\.', r'.norm\1.'),
    (r'^patch_embed\.projection\.', 'patch_embed.proj.'),
    (r'^layers\.', 'blocks.'),
    (r'^ln1\.', 'norm.'),
    (r'^ln2\.', 'fc_norm.'),
)
_BACKBONE = re.compile(
    r'(cls_token|pos_embed|(patch_embed|layers|ln1|ln2|pre_norm)\..+)$'
)


def timm_to_ours(name: str) -> str:
    """Our name of a backbone tensor; other names are left alone."""
    for pattern, replacement in _RULES:
        name = re.sub(pattern, replacement, name)
    return name


def ours_to_timm(name: str) -> str:
    """Timm's name of a tensor of a plain ViT of ours."""
    for pattern, replacement in _BACK:
        name = re.sub(pattern, replacement, name)
    return name


def is_backbone(name: str) -> bool:
    """Whether a name in our layout belongs to a ViT backbone."""
    return _BACKBONE.match(name) is not None
