"""The one form that every checkpoint is read into and written from."""

from dataclasses import dataclass, field, replace
from typing import Any

from torch import Tensor

from ..layouts.normalisation import IMAGENET, Normalisation
from ..layouts.sizes import sizes
from ..models.stored_positions import StoredPositions, on_grid, with_extra_rows
from .windows import Windows, windows_by_length


@dataclass(frozen=True)
class PlainViT:
    """A ViT backbone, and what else a checkpoint held.

    Attributes:
        tensors (dict[str, Tensor]): by the names of ``SiameseIMViT``:
            ``cls_token``, ``pos_embed`` (1, E + H * W, C) with E = 1 if there
            is a cls token, ``patch_embed.*``, ``layers.*`` without layer
            scale; ``ln1.*`` if all tokens are normed at the end, ``ln2.*`` if
            the mean of the patch tokens is; ``layers.N.attn.rel_pos_*`` in a
            ViTDet.
        num_heads (int): attention heads of a layer.
        positions (StoredPositions): grid and kind of ``pos_embed``.
        norm_eps (float): of every LayerNorm. Defaults to 1e-6.
        head (dict[str, Tensor]): linear classifier, ``weight`` (N, C) and
            ``bias``; empty if there is none.
        pretraining (dict[str, Tensor]): neck and target branch by the names
            of ``SiameseIM``, without the online backbone; may be empty.
        pyramid (dict[str, Tensor]): a ViTDet's, by the names of
            ``SiameseIMSimplePyramid``; may be empty.
        noncommercial (bool): the weights are under CC-BY-NC 4.0.
        normalisation (Normalisation): of its images. Defaults to ImageNet's.
        takes_mean (bool): the mean of the normed patch tokens is the feature
            though there is a cls token, as with timm's ``global_pool='avg'``
            and ``fc_norm=False``. No tensor shows it, only ``config.json`` of
            timm's folders and our notes do. Defaults to False.
        windows (Windows | None): of a ViTDet, where its file tells them.
            Defaults to None: seen from the lengths of its tables.
    """

    tensors: dict[str, Tensor]
    num_heads: int
    positions: StoredPositions
    norm_eps: float = 1e-6
    head: dict[str, Tensor] = field(default_factory=dict)
    pretraining: dict[str, Tensor] = field(default_factory=dict)
    pyramid: dict[str, Tensor] = field(default_factory=dict)
    noncommercial: bool = False
    normalisation: Normalisation = IMAGENET
    takes_mean: bool = False
    windows: Windows | None = None

    @property
    def arch(self) -> dict[str, int]:
        """As the ``arch`` of mmpretrain's classes."""
        found = sizes(self.tensors)
        names = ('embed_dims', 'num_layers', 'feedforward_channels')
        return {
            **{name: found[name] for name in names},
            'num_heads': self.num_heads,
        }

    @property
    def patch_size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        height, width = self.tensors['patch_embed.projection.weight'].shape[2:]
        return height, width

    @property
    def in_channels(self) -> int:
        """Channels of the images."""
        return self.tensors['patch_embed.projection.weight'].shape[1]

    @property
    def grid(self) -> tuple[int, int]:
        """(H, W) patches that the stored positions are for."""
        return self.positions.grid

    @property
    def img_size(self) -> tuple[int, int]:
        """(height, width) in pixels that the stored positions are for."""
        (rows, columns), (height, width) = self.grid, self.patch_size
        return rows * height, columns * width

    @property
    def has_cls(self) -> bool:
        """Whether there is a cls token."""
        return 'cls_token' in self.tensors

    @property
    def has_final_norm(self) -> bool:
        """Whether all tokens are normed after the last block."""
        return 'ln1.weight' in self.tensors

    @property
    def pools(self) -> bool:
        """Whether the mean of the patch tokens is normed and classified."""
        return 'ln2.weight' in self.tensors

    @property
    def reads_cls(self) -> bool:
        """Whether the normed cls token is the feature, not a mean."""
        normed = self.has_cls and self.has_final_norm
        return normed and not self.pools and not self.takes_mean

    @property
    def feature(self) -> str:
        """``out_type`` of what ``get_model`` returns.

        'featmap' stands for the mean of this map, which no norm follows.
        """
        if self.tables:
            return 'featmap'
        if self.pools:
            return 'avg_featmap'
        return 'cls_token' if self.reads_cls else 'featmap'

    @property
    def tables(self) -> dict[str, Tensor]:
        """Relative positions of a ViTDet."""
        return {n: t for n, t in self.tensors.items() if '.rel_pos_' in n}

    @property
    def trained_size(self) -> tuple[int, int]:
        """(height, width) in pixels that a ViTDet's longest tables are for.

        Windows, which may be larger than the map, count if no block is global.
        """
        blocks = self.settings['global_blocks']
        rows, columns = (
            max(
                (len(table) + 1) // 2
                for name, table in self.tables.items()
                if name.endswith(axis)
                and (not blocks or int(name.split('.')[1]) in blocks)
            )
            for axis in ('rel_pos_h', 'rel_pos_w')
        )
        height, width = self.patch_size
        return rows * height, columns * width

    @property
    def settings(self) -> dict[str, Any]:
        """Arguments of ``SiameseIMViT``, with tables ``SiameseIMViTDet``."""
        found: dict[str, Any] = dict(
            arch=self.arch,
            img_size=self.img_size,
            patch_size=sizes(self.tensors)['patch_size'],
            in_channels=self.in_channels,
            norm_cfg=dict(type='LN', eps=self.norm_eps),
            final_norm=self.has_final_norm,
        )
        if not self.tables:
            return dict(found, with_cls_token=self.has_cls)
        size, blocks = self.windows or windows_by_length(self.tables)
        return dict(found, window_size=size, global_blocks=[*blocks])

    def resized(self, img_size: tuple[int, int]) -> 'PlainViT':
        """The same with positions for images of another size.

        Sin-cos positions are recomputed, which is exact; others are
        interpolated (bicubic).

        Args:
            img_size (tuple[int, int]): (height, width) in pixels.

        Raises:
            ValueError: if it is no multiple of the patch size.
        """
        height, width = self.patch_size
        if img_size[0] % height or img_size[1] % width:
            raise ValueError(
                f'img_size={img_size} is no multiple of the patch size '
                f'{self.patch_size}'
            )
        grid = (img_size[0] // height, img_size[1] // width)
        rows = on_grid(
            self.tensors['pos_embed'], self.positions, grid, int(self.has_cls)
        )
        return replace(
            self,
            tensors={**self.tensors, 'pos_embed': rows},
            positions=self.positions._replace(grid=grid),
        )

    def without(self, *names: str) -> 'PlainViT':
        """The same without these tensors."""
        kept = {n: t for n, t in self.tensors.items() if n not in names}
        return replace(self, tensors=kept)

    def dense(self) -> dict[str, Tensor]:
        """Tensors of a ViT for maps: no cls token, no norm at the end."""
        norms = ('ln1.weight', 'ln1.bias', 'ln2.weight', 'ln2.bias')
        tensors = dict(self.without('cls_token', *norms).tensors)
        tensors['pos_embed'] = with_extra_rows(
            tensors['pos_embed'], int(self.has_cls), 0
        )
        return tensors

    def describe(self) -> str:
        """Sizes in one line for people."""
        arch = self.arch
        kinds: dict[Any, str] = {
            'rows': 'sin-cos',
            'columns': 'sin-cos, columns first',
            None: 'stored, interpolated for other sizes',
        }
        return (
            f'ViT {arch["embed_dims"]} wide, {arch["num_layers"]} deep, '
            f'{self.num_heads} heads, MLP {arch["feedforward_channels"]}, '
            f'patches {self.patch_size[0]} x {self.patch_size[1]}, positions '
            f'{self.grid[0]} x {self.grid[1]} '
            f'({kinds[self.positions.first_half]}), '
            f'{"a" if self.has_cls else "no"} cls token, '
            f'{"a" if self.has_final_norm else "no"} final norm'
        )
