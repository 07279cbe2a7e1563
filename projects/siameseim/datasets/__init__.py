"""Images to two geometric views: datasets, sampler and transforms."""

from .block_mask import BlockMask
from .data_source import data_source
from .image_folder import ImageFolder
from .lmdb_images import LmdbImages
from .packing import PackTwoViews, PackViews
from .photometric import ViewPhotometric
from .pretrain_dataset import PretrainDataset
from .sample_photos import SamplePhotos
from .sampler import ResumableSampler
from .source_image import SourceImage, UnreadableImageError
from .tar_images import TarImages
from .two_views import TwoViews, draw_crop
from .view_preprocessor import ViewPreprocessor

__all__ = [
    'BlockMask',
    'ImageFolder',
    'LmdbImages',
    'PackTwoViews',
    'PackViews',
    'PretrainDataset',
    'ResumableSampler',
    'SamplePhotos',
    'SourceImage',
    'TarImages',
    'TwoViews',
    'UnreadableImageError',
    'ViewPhotometric',
    'ViewPreprocessor',
    'data_source',
    'draw_crop',
]
