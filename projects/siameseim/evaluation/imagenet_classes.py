"""Which outputs of an ImageNet classifier a folder of classes belongs to."""

import re
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from ..datasets.class_folders import class_names
from ..errors import some

_WNID = re.compile(r'n[0-9]{8}')


def imagenet_wnids() -> list[str]:
    """The 1000 WordNet ids of ImageNet-1k in label order, which is sorted.

    They come from timm, which keeps them up to date.

    Raises:
        ImportError: if timm is not installed.
    """
    try:
        from timm.data import ImageNetInfo
    except ImportError as error:
        raise ImportError(
            'the WordNet ids of the 1000 classes come from timm: pip install '
            'timm, or give the training folder or a list with --classes'
        ) from error
    return ImageNetInfo('imagenet-1k').label_names()


def read_classes(source: str) -> list[str]:
    """Class names in label order.

    Args:
        source (str): a folder with one folder per class, or a text file with
            one name a line.

    Raises:
        FileNotFoundError: if it is neither.
    """
    path = Path(source).expanduser()
    if path.is_dir():
        return class_names(path)
    lines = map(str.strip, path.read_text('utf-8').splitlines())
    return [line for line in lines if line]


def classes_of(
    named: Sequence[str], outputs: int, given: str | None = None
) -> list[str]:
    """Folder names of a classifier's outputs, in order.

    Args:
        named (Sequence[str]): classes that its checkpoint names; folder names
            if it was trained on a folder per class.
        outputs (int): number of its outputs.
        given (str, optional): for ``read_classes``; believed. Defaults to
            None.

    Raises:
        ValueError: if the number of names is another than that of outputs.
    """
    if given:
        names = read_classes(given)
    elif outputs == 1000 and not all(map(_WNID.fullmatch, named)):
        names = imagenet_wnids()  # the stock data set names them in words
    else:
        names = [*named]
    if len(names) != outputs:
        raise ValueError(
            f'the classifier has {outputs} outputs, but {len(names)} class '
            f'folders are known for them ({some(names, 3)}): give '
            'its training folder or a list with --classes'
        )
    return names


def columns_of(folders: Sequence[str], classes: Sequence[str]) -> Tensor:
    """Output of the classifier for each class folder of a data set.

    ImageNet-A and -R have 200 of the 1000 classes. A classifier is asked
    which of the 200 an image shows, so only these columns are compared.

    Args:
        folders (Sequence[str]): class folders of the data set, in label
            order.
        classes (Sequence[str]): folder names of the outputs, in order.

    Returns:
        Tensor: (number of folders,) int64.

    Raises:
        ValueError: if the classifier does not know a folder.
    """
    column = {name: i for i, name in enumerate(classes)}
    unknown = [folder for folder in folders if folder not in column]
    if unknown:
        raise ValueError(
            f'{len(unknown)} of the {len(folders)} class folders are none of '
            f'the classes of the classifier ({classes[0]} ...), for example '
            f'{unknown[0]}: is it the right data set?'
        )
    return torch.tensor([column[folder] for folder in folders])
