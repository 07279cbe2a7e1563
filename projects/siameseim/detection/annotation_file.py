"""What a COCO-format file holds, found in one reading."""

import json
from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from os.path import exists, getmtime
from typing import Any

from mmengine.fileio import get_text

from ..errors import InputError


@dataclass
class AnnotationFile:
    """What the checks ask of a file; its annotations are not kept."""

    path: str
    categories: dict[int, str]  # names by id, in the order of the file
    images: int  # number of them
    # annotations of each category id that have an image
    counts: Counter[int] = field(default_factory=Counter)
    # those whose image is not in the file
    no_image: list[dict] = field(default_factory=list)
    # of its images, but mmdet passes over them for their bbox or area
    no_box: list[dict] = field(default_factory=list)
    # the others without a segmentation
    no_mask: list[dict] = field(default_factory=list)


def read_annotations(path: str) -> AnnotationFile:
    """Read a file, once as long as it does not change.

    mmdet reads it as well, and keeps nothing of what it left out.

    Args:
        path (str): local, or an address that mmengine reads.

    Raises:
        InputError: naming the file if it is not JSON or not COCO's format.
    """
    return _read(path, getmtime(path) if exists(path) else None)


@lru_cache(maxsize=16)
def _read(path: str, modified: float | None) -> AnnotationFile:
    contents = _contents(path)
    try:
        names = {c['id']: c['name'] for c in contents['categories']}
        sizes = {
            image['id']: (image['width'], image['height'])
            for image in contents['images']
        }
    except KeyError as error:
        raise InputError(
            f'{path}: an entry of "categories" or "images" has no {error}: '
            'give each its id, each category its name, and each image its '
            'width and height in pixels'
        ) from error
    found = AnnotationFile(path, names, images=len(sizes))
    for annotation in contents.get('annotations') or []:
        # Panoptic annotations have segments instead.
        if 'category_id' not in annotation or annotation.get('ignore'):
            continue
        size = sizes.get(annotation.get('image_id'))
        if size is None:
            found.no_image.append(_shown(annotation))
            continue
        found.counts[annotation['category_id']] += 1
        if not _has_box(annotation, *size, path):
            found.no_box.append(_shown(annotation))
        elif not annotation.get('segmentation'):
            found.no_mask.append(_shown(annotation))
    return found


def _has_box(annotation: dict, width: int, height: int, path: str) -> bool:
    """Whether ``CocoDataset.parse_data_info`` keeps bbox and area."""
    try:
        x, y, w, h = annotation['bbox']
        in_image = -w < x < width and -h < y < height
        return in_image and w >= 1 and h >= 1 and annotation['area'] > 0
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f'{path}: the annotation of id {annotation.get("id")} has '
            f'bbox={annotation.get("bbox")} and area={annotation.get("area")}'
            ': give each a bbox, [x, y, width, height] in pixels, and an area'
        ) from error


def _shown(annotation: dict) -> dict:
    """What names an annotation, without its outlines."""
    names = ('id', 'image_id', 'category_id', 'bbox', 'area')
    return {name: annotation.get(name) for name in names}


def _contents(path: str) -> dict[str, Any]:
    """The JSON object of a file with the lists of COCO's format."""
    try:
        contents = json.loads(get_text(path))
    except ValueError as error:  # of JSON, or of bytes that are no text
        raise InputError(
            f'{path} is not JSON ({error}): copy or write it again; '
            'annotations are in the format of COCO'
        ) from error
    for name in ('categories', 'images'):
        if not isinstance(contents, dict) or name not in contents:
            keys = ', '.join(contents) if isinstance(contents, dict) else ''
            raise InputError(
                f'{path} has no "{name}" (it has: {keys or "no names"}): '
                'give the annotations in the format of COCO, a JSON object '
                'with the lists "images", "annotations" and "categories"'
            )
    return contents
