"""An image whose pixels are decoded once its crops are known."""

import contextlib
import io
from typing import Any

import numpy as np
import simplejpeg
from mmengine import fileio
from PIL import ExifTags, Image, UnidentifiedImageError
from PIL.JpegImagePlugin import JpegImageFile

from ..errors import InputError

# Pillow's own limit (179 million pixels) guards web servers; big scans and
# panoramas are legitimate here. What stops at this one would need 2 GB.
MAX_PIXELS = 500_000_000

# What brings the stored pixels of each EXIF orientation upright.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
SWAPS_SIDES = {5, 6, 7, 8}  # EXIF orientations


class UnreadableImageError(Exception):
    """A file that Pillow cannot turn into pixels; the text says why."""


class SourceImage:
    """Upright RGB view of an image file or array.

    A JPEG is opened by its header only: its size is known before anything
    is decoded, so that a large photograph can be decoded at 1/2, 1/4 or
    1/8 of its size when every crop is at least that much larger than the
    network's input. At full size simplejpeg decodes flawless JPEGs: Pillow's
    pixels in three quarters of its time. Other formats are decoded at once.

    Args:
        image (PIL.Image.Image): What Pillow opened.
        content (bytes | None): The file that it was opened from. Defaults
            to None: Pillow decodes.

    Attributes:
        height (int): Rows of the upright image, in pixels.
        width (int): Columns of the upright image, in pixels.
        max_reduction (int): Largest allowed argument of :meth:`decode`.
    """

    def __init__(
        self, image: Image.Image, content: bytes | None = None
    ) -> None:
        is_jpeg = isinstance(image, JpegImageFile)
        if not is_jpeg:
            image.load()  # before it TIFF and PNG may not know their EXIF
        turned = orientation(image)
        self._image = image
        self._turn = _UPRIGHT.get(turned)
        self.width, self.height = image.size
        if turned in SWAPS_SIDES:
            self.width, self.height = self.height, self.width
        self.max_reduction = 1
        self._jpeg: bytes | None = None
        if is_jpeg:
            if self._turn is None and image.mode in ('RGB', 'L'):
                self._jpeg = content
            self.max_reduction = _max_reduction(image.size, self._turn)

    @classmethod
    def from_data_info(cls, info: dict[str, Any]) -> 'SourceImage':
        """Open what a stock dataset's data info names.

        Args:
            info (dict): Has ``img`` (an RGB or greyscale uint8 array, as
                CIFAR-10 and MNIST hold, or what ``to_rgb`` takes of one
                channel); ``archive``, ``offset`` and
                ``size`` (a part of a file, in bytes); or ``img_path`` (any
                file or URL that mmengine's file backends read, with
                ``backend_args`` if that takes more to say).

        Returns:
            SourceImage: The opened image.

        Raises:
            UnreadableImageError: If Pillow cannot read the file.
            InputError: If ``img`` is an array that has no such pixels.
            ValueError: If the data info holds no image.
        """
        if 'img' in info:
            return cls(_from_array(np.asarray(info['img'])))
        if 'img_path' not in info:
            raise ValueError(
                'the dataset must give "img_path" or "img" for each sample, '
                f'but its data info has only {sorted(info)}'
            )
        try:
            content = _content(info)
            return cls(_open(content), content)
        except Exception as error:  # Pillow raises any type
            raise UnreadableImageError(_reason(error)) from error

    def decode(self, reduction: int = 1) -> np.ndarray:
        """Decode the pixels, at a fraction of the size if asked.

        Args:
            reduction (int): 1, 2, 4 or 8, at most ``max_reduction``: each
                returned pixel covers this many source pixels a side.
                Defaults to 1.

        Returns:
            np.ndarray: (ceil(height / reduction), ceil(width / reduction),
            3) uint8, RGB, upright, not to be written to.

        Raises:
            UnreadableImageError: If the file is damaged or truncated.
        """
        if reduction == 1 and self._jpeg is not None:
            # Strict: at the least flaw it is for Pillow to decide.
            with contextlib.suppress(ValueError):
                return simplejpeg.decode_jpeg(self._jpeg, 'RGB')
        image = self._image
        try:
            if reduction > 1:
                width, height = image.size
                image.draft(None, (width // reduction, height // reduction))
            image = to_rgb(image)
            if self._turn is not None:
                image = image.transpose(self._turn)
            return np.asarray(image)
        except Exception as error:  # Pillow raises any type
            raise UnreadableImageError(_reason(error)) from error


def _from_array(pixels: np.ndarray) -> Image.Image:
    """Refuse what is neither grey nor RGB.

    Of two or four channels Pillow takes the last one for opacity.
    """
    try:
        image = Image.fromarray(pixels)
    except TypeError:
        image = None
    if image is None or image.mode in ('LA', 'RGBA'):
        raise InputError(
            f'"img" of the dataset is an array of shape {pixels.shape} and '
            f'type {pixels.dtype}: it must be (height, width), or (height, '
            'width, 3) of type uint8, so choose or mix three channels'
        )
    return image


def _content(info: dict[str, Any]) -> bytes:
    """The encoded image that a data info names."""
    if 'archive' not in info:
        return fileio.get(info['img_path'], info.get('backend_args'))
    # Opened anew each time: nothing to share with or hand to workers.
    with open(info['archive'], 'rb', buffering=0) as file:
        file.seek(info['offset'])
        return file.read(info['size'])


def orientation(image: Image.Image) -> int:
    """EXIF orientation, 1 (upright) if there is none or it is damaged."""
    try:
        return image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # Pillow raises any type
        return 1


def to_rgb(image: Image.Image) -> Image.Image:
    """Convert any Pillow mode to 8-bit RGB.

    16-bit greyscale is scaled to 8 bits (Pillow's own conversion clips it)
    and transparency is laid over white, as a browser shows it.
    """
    if image.mode == 'RGB' and 'transparency' not in image.info:
        image.load()
        return image
    if image.mode == 'F' or image.mode.startswith('I'):
        return _deep_to_grey(image).convert('RGB')
    if image.has_transparency_data:
        image = image.convert('RGBA')
        white = Image.new('RGBA', image.size, 'white')
        image = Image.alpha_composite(white, image)
    return image.convert('RGB')


def _deep_to_grey(image: Image.Image) -> Image.Image:
    """Scale a 16-bit, 32-bit or float greyscale image to 8 bits.

    The full range of 16 bits becomes the full range of 8. Wider integers
    and floats have no such range: their own least and greatest value
    become 0 and 255.
    """
    values = np.asarray(image).astype(np.float64)
    low, high = 0.0, 65535.0
    if image.mode == 'F' or values.min() < low or values.max() > high:
        low, high = values.min(), values.max()
    if not np.isfinite(high - low):
        raise ValueError('pixels are not finite')
    scaled = (values - low) * (255 / max(high - low, 1e-12))
    return Image.fromarray(np.round(scaled).astype(np.uint8))


def _open(content: bytes) -> Image.Image:
    """Open an encoded image by its header, with our limit of pixels."""
    if not content:
        raise ValueError('the file is empty')
    pillow_limit = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = None
    try:
        image = Image.open(io.BytesIO(content))
    except UnidentifiedImageError:  # its text names a memory address
        raise ValueError('cannot identify any image format') from None
    finally:
        Image.MAX_IMAGE_PIXELS = pillow_limit
    if image.width * image.height > MAX_PIXELS:
        raise ValueError(
            f'{image.width} x {image.height} pixels, more than the limit of '
            f'{MAX_PIXELS}'
        )
    return image


def _max_reduction(size: tuple[int, int], turn: Any) -> int:
    """Largest reduction that keeps source positions exact.

    A side that is no multiple of the reduction ends in a partly filled
    pixel. Turning the image would bring that pixel to the front and shift
    all others, so a turned image is reduced only if nothing is left over.
    """
    if turn is None:
        return 8
    return next(r for r in (8, 4, 2, 1) if size[0] % r == size[1] % r == 0)


def _reason(error: Exception) -> str:
    """One line that says what went wrong, e.g. for a warning."""
    text = str(error).replace('\n', ' ')
    if text and isinstance(error, (OSError, ValueError)):
        return text  # a sentence; others, as KeyError, need their name
    return f'{type(error).__name__}: {text}'
