"""Features of every image in a folder, written to one file."""

import os
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from ..datasets.image_folder import ImageFolder, printable
from ..datasets.source_image import SourceImage, UnreadableImageError
from ..layouts.normalisation import Normalisation, normalisation_of
from ..log import tell
from ..models import SiameseIMViT
from .features import central_view, mean_features

# What ends a line, for some readers, and the sign that escapes begin with.
_ENDS_A_LINE = re.compile(r'[\\\n\r\v\f\x1c-\x1e\x85\u2028\u2029]')


class FolderFeatures(NamedTuple):
    """Features of the images of a folder."""

    files: list[str]  # N paths relative to the folder, sorted
    features: np.ndarray  # (N, C) float32
    unreadable: list[str]  # paths of the images that were left out


class _Views(Dataset):
    """Central view of each image: its number, and the view or None."""

    def __init__(
        self, folder: str, size: tuple[int, int], statistics: Normalisation
    ) -> None:
        images = ImageFolder(data_root=folder, pipeline=[])
        self.paths = [
            images.get_data_info(i)['img_path'] for i in range(len(images))
        ]
        self.transform = v2.Compose(
            [
                *central_view(size),
                v2.ToImage(),
                v2.ToDtype(torch.float32),
                v2.Normalize(*statistics),
            ]
        )

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[int, Tensor | None]:
        try:
            source = SourceImage.from_data_info(
                dict(img_path=self.paths[index])
            )
            pixels = source.decode()
        except UnreadableImageError:
            return index, None
        return index, self.transform(Image.fromarray(pixels))


def folder_features(
    backbone: SiameseIMViT,
    folder: str | Path,
    batch_size: int = 64,
    num_workers: int = 2,
) -> FolderFeatures:
    """Mean patch token of every image under a folder, at any depth.

    Of each its ``central_view`` is encoded; images that cannot be read are
    left out and named.

    Args:
        backbone (SiameseIMViT): on any device.
        folder (str | Path): with images of any format that Pillow reads.
        batch_size (int): images encoded at a time. Defaults to 64.
        num_workers (int): loading processes. Defaults to 2.

    Raises:
        FileNotFoundError: if the folder does not exist or has no image.
        ValueError: if none of its images can be read.
    """
    views = _Views(
        str(folder), tuple(backbone.img_size), normalisation_of(backbone)
    )
    loader: DataLoader = DataLoader(
        views, batch_size, num_workers=num_workers, collate_fn=_readable
    )
    rows, read = [], []
    for indices, images in loader:
        if images is None:
            continue
        rows.append(mean_features(backbone, images).numpy())
        read += indices
        if len(rows) % 20 == 0:
            tell(f'{len(read)} of {len(views)} images')
    root = os.path.expanduser(folder)
    names = [os.path.relpath(path, root) for path in views.paths]
    unreadable = [names[i] for i in sorted({*range(len(names))} - {*read})]
    if not rows:
        raise ValueError(f'none of the {len(names)} images of {folder} opens')
    return FolderFeatures(
        [names[i] for i in read], np.concatenate(rows), unreadable
    )


def _readable(
    batch: list[tuple[int, Tensor | None]],
) -> tuple[list[int], Tensor | None]:
    """Numbers and (B, 3, height, width) views of what can be read.

    One tensor, as each that a worker hands over is an open file: with one an
    image a large batch passes the limit of a process, and the loader waits
    for ever.
    """
    readable = [(i, view) for i, view in batch if view is not None]
    views = [view for _, view in readable]
    return [i for i, _ in readable], torch.stack(views) if views else None


def save_features(result: FolderFeatures, path: Path) -> list[Path]:
    r"""Write features and the names of their images.

    Args:
        result (FolderFeatures): from ``folder_features``.
        path (Path): one that ``check_suffix`` lets pass: ``.npy``, beside
            which a ``.txt`` file has one name for each row, with the bytes of
            the name but for line breaks and backslashes, which are escaped
            (``\n``, ``\\``); or
            ``.parquet`` with the columns ``file`` (``printable``) and
            ``feature``.

    Returns:
        list[Path]: the files written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == '.parquet':
        _save_parquet(result, path)
        return [path]
    names = path.with_suffix('.txt')
    lines = ''.join(f'{_escaped(name)}\n' for name in result.files)
    names.write_bytes(lines.encode('utf-8', 'surrogateescape'))
    np.save(path, result.features)
    return [path, names]


def _escaped(name: str) -> str:
    return _ENDS_A_LINE.sub(
        lambda found: found[0].encode('unicode_escape').decode(), name
    )


def check_suffix(path: Path) -> None:
    """Raise unless features can be written under that name.

    Raises:
        ValueError: if it ends with neither .npy nor .parquet.
        ImportError: if pyarrow is missing for .parquet.
    """
    if path.suffix not in ('.npy', '.parquet'):
        raise ValueError(f'{path} must end with .npy or .parquet')
    if path.suffix == '.parquet':
        try:
            import pyarrow  # noqa: F401
        except ImportError as error:
            raise ImportError(
                f'{path} needs the package pyarrow: pip install pyarrow, or '
                'choose a name that ends with .npy'
            ) from error


def _save_parquet(result: FolderFeatures, path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    width = result.features.shape[1]
    values = pa.array(result.features.ravel())
    columns = {
        'file': [printable(name) for name in result.files],
        'feature': pa.FixedSizeListArray.from_arrays(values, width),
    }
    pq.write_table(pa.table(columns), path)
