"""Check of mask files against their images, by their headers alone."""

import math
from pathlib import Path

from mmengine.dataset import BaseDataset
from mmengine.fileio import list_dir_or_file
from mmseg.datasets.transforms import LoadAnnotations
from PIL import Image, UnidentifiedImageError

from ..datasets.source_image import SWAPS_SIDES, orientation
from ..errors import InputError

_MOST = 300  # files of a data set whose headers are read
_ONE_BYTE = ('1', 'L', 'P')  # PIL's modes of one channel and 8 bits or less


def check_mask_files(dataset: BaseDataset) -> None:
    """Raise if a mask is not one channel of its image's size.

    Up to 300 masks are read, evenly spread over the data set. Data that
    mmseg's ``LoadAnnotations`` does not read from a local folder are left
    alone: their masks may be of any form.

    Raises:
        InputError: naming mask, image and both sizes.
    """
    if not _is_local(dataset) or not _is_read_as_is(dataset):
        return
    step = max(1, math.ceil(len(dataset) / _MOST))
    for index in range(0, len(dataset), step):
        info = dataset.get_data_info(index)
        if info.get('seg_map_path'):
            check_mask_file(info['img_path'], info['seg_map_path'])


def check_mask_file(image_path: str, mask_path: str) -> None:
    """Raise if one mask is not one channel of its image's size.

    Args:
        image_path (str): a photograph; one that is turned by its EXIF
            orientation counts as turned, since it is read so.
        mask_path (str): its mask.

    Raises:
        InputError: naming both files and what differs.
    """
    for path in (image_path, mask_path):
        if not Path(path).is_file():
            raise InputError(
                f'{path} does not exist: each image needs its mask; correct '
                'data_prefix, img_suffix or seg_map_suffix, or add the file'
            )
    try:
        with Image.open(mask_path) as mask:
            size, mode = mask.size, mask.mode
        with Image.open(image_path) as image:
            wanted = image.size
            turned = orientation(image) in SWAPS_SIDES
    except (UnidentifiedImageError, Image.DecompressionBombError):
        return  # of a kind or size that only another decoder reads
    if mode not in _ONE_BYTE:
        raise InputError(
            f'mask {mask_path} is stored as {mode}, but a mask has one '
            'channel of 8 bits, with the class of each pixel: save it as '
            'such (PIL: mode L or P)'
        )
    check_mask_size(mask_path, size, wanted[::-1] if turned else wanted)


def check_mask_size(
    mask_path: str, size: tuple[int, int], wanted: tuple[int, int]
) -> None:
    """Raise if a mask has another size than its image.

    Args:
        mask_path (str): the mask.
        size (tuple[int, int]): its width and height in pixels.
        wanted (tuple[int, int]): those of its image.

    Raises:
        InputError: naming mask and sizes.
    """
    if size != wanted:
        raise InputError(
            f'mask {mask_path} is {size[0]} x {size[1]} pixels (width x '
            f'height), but its image is {wanted[0]} x {wanted[1]}: save it '
            'in the size of the image'
        )


def skipped_images(dataset: BaseDataset) -> list[str]:
    """Images that have a mask but not the suffix of the data set.

    Returns:
        list[str]: their paths in the image folder; none where a file lists
        the images.
    """
    if not _is_local(dataset) or dataset.ann_file:
        return []
    images = Path(dataset.data_prefix['img_path'])
    masks = Path(dataset.data_prefix['seg_map_path'])
    skipped = []
    for name in list_dir_or_file(images, list_dir=False, recursive=True):
        if name.endswith(dataset.img_suffix):
            continue
        stem = name.removesuffix(Path(name).suffix)
        mask = masks / f'{stem}{dataset.seg_map_suffix}'
        # A mask may lie beside its image, or an image be there twice.
        used = (images / f'{stem}{dataset.img_suffix}').is_file()
        if mask.is_file() and mask != images / name and not used:
            skipped.append(name)
    return sorted(skipped)


def _is_local(dataset: BaseDataset) -> bool:
    prefix = getattr(dataset, 'data_prefix', {})
    folders = [prefix.get('img_path'), prefix.get('seg_map_path')]
    return all(folder and Path(folder).is_dir() for folder in folders)


def _is_read_as_is(dataset: BaseDataset) -> bool:
    steps = dataset.pipeline.transforms
    return any(type(step) is LoadAnnotations for step in steps)
