"""Images to two geometric views: datasets, sampler and transforms."""

from .block_mask import BlockMask, draw_block_mask
from .image_folder import ImageFolder
from .packing import PackTwoViews, PackViews
from .photometric import ViewPhotometric
from .pretrain_dataset import PretrainDataset
from .sample_photos import SamplePhotos
from .sampler import ResumableSampler
from .source_image import SourceImage, UnreadableImageError
from .two_views import TwoViews, draw_crop

__all__ = [
    'BlockMask',
    'ImageFolder',
    'PackTwoViews',
    'PackViews',
    'PretrainDataset',
    'ResumableSampler',
    'SamplePhotos',
    'SourceImage',
    'TwoViews',
    'UnreadableImageError',
    'ViewPhotometric',
    'draw_block_mask',
    'draw_crop',
]
