"""What a conversion read, renamed, changed, dropped and wrote."""

from dataclasses import dataclass, field

from torch import Tensor

from ..errors import some
from ..layouts.backbone_file import BackboneFile
from .plain_vit import PlainViT


@dataclass
class Report:
    """An account of one conversion.

    Attributes:
        source (str): the file read, with its layout and branch.
        model (str): sizes of the ViT.
        destination (str): the file or folder written, with its format.
        kept (int): tensors whose name stayed the same.
        renamed (dict[str, str]): name in the source -> in the destination.
        dropped (list[str]): what the destination does not hold.
        changed (list[str]): changes that leave the features as they were.
        lossy (list[str]): changes that do not.
        notes (list[str]): what a user should know.
        usage (str): how to load the result.
    """

    source: str
    model: str
    destination: str = ''
    kept: int = 0
    renamed: dict[str, str] = field(default_factory=dict)
    dropped: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    lossy: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    usage: str = ''

    def __str__(self) -> str:
        """For people."""
        pairs = [f'{old} -> {new}' for old, new in self.renamed.items()]
        names = f'{len(pairs)} tensors: {some(pairs, 3)}'
        kept = f'{self.kept} tensors under their names'
        lines = [
            ('read', [self.source]),
            ('model', [self.model]),
            ('written', [self.destination]),
            ('kept', [kept] if self.kept else []),
            ('renamed', [names] if pairs else []),
            ('changed', self.changed),
            ('dropped', [', '.join(self.dropped)] if self.dropped else []),
            ('LOSSY', self.lossy),
            ('note', self.notes),
            ('load it', [self.usage] if self.usage else []),
        ]
        return '\n'.join(
            f'{title + ":":<9} {text}'
            for title, texts in lines
            for text in texts
        )


def compare_names(
    report: Report,
    file: BackboneFile,
    read: PlainViT,
    vit: PlainViT,
    written: dict[str, Tensor],
) -> None:
    """Tell which tensors of the file are where in the result.

    Tensors are recognised by their memory: what shares it with the result is
    there as a whole or in parts.

    Args:
        report (Report): filled in.
        file (BackboneFile): names of the tensors.
        read (PlainViT): tensors as they were read.
        vit (PlainViT): the same after all changes of the conversion.
        written (dict[str, Tensor]): the result by its names.
    """
    places: dict[int, list[str]] = {}
    for name, tensor in written.items():
        places.setdefault(_memory(tensor), []).append(name)
    dropped = []
    stored = [
        (file.names.get(ours, ours), vit.tensors.get(ours, tensor))
        for ours, tensor in read.tensors.items()
    ]
    for old, tensor in [*stored, *file.rest.items()]:
        new = places.get(_memory(tensor))
        if new is None:
            # positions are in every format, if need be with another cls row
            if old in file.rest or not old.endswith('pos_embed'):
                dropped.append(old)
        elif new == [old]:
            report.kept += 1
        else:
            report.renamed[old] = ' + '.join(new)
    report.dropped += _summarised(dropped)


def _summarised(names: list[str]) -> list[str]:
    """One phrase for all tensors of the same beginning."""
    roots: dict[str, list[str]] = {}
    for name in names:
        roots.setdefault(name.split('.')[0], []).append(name)
    return [
        f'{root} ({len(group)} tensors)' if len(group) > 1 else group[0]
        for root, group in roots.items()
    ]


def _memory(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()
