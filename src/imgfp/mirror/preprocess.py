"""What enters the networks: MIRorR's square crop, to the bit, or the whole image."""

from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

from imgfp.errors import InputError
from imgfp.images import Failure, Source, read_rgb

MEAN = np.array([124, 117, 104], np.float32)  # RGB, of both of MIRorR's networks
SMALLEST = 193  # the original has a 7 x 7 pooling in both networks: smaller images give a map of 6 x 6
SCALES = {224: (1,), 448: (1, 2), 896: (1, 2, 4), 1024: (1, 2, 4)}  # by image size, with multi_scale


def check_crop(size: int, multi_scale: bool) -> None:
    """Refuses sizes that MIRorR's networks do not have.

    Raises:
        InputError: a side below the pooling's minimum, or a size without smaller scales.
    """
    if size < SMALLEST:
        raise InputError(
            f"img-size {size}: too small for the 7 x 7 pooling of MIRorR's networks (a map of {-(-size // 32)} x "
            f"{-(-size // 32)}): use {SMALLEST} or more"
        )
    if multi_scale and size not in SCALES:
        raise InputError(
            f"multi-scale does not exist for img-size {size}: use one of {', '.join(map(str, SCALES))}, or one scale"
        )


def read_source(source: Source, size: int, crops: bool) -> np.ndarray | Failure:
    """(h, w, 3) uint8 RGB for `network_inputs`, or a `Failure`. An array is taken as it is.

    For MIRorR's networks EXIF orientation and alpha are ignored, as in the original; otherwise see `read_rgb`.
    """
    if isinstance(source, np.ndarray):
        return source
    return read_rgb(Path(source), as_stored=True) if crops else read_rgb(Path(source), smallest=size)


def network_inputs(rgb: np.ndarray, size: int, crops: bool, multi_scale: bool) -> list[np.ndarray]:
    """The image at every scale, largest first.

    Args:
        rgb: (h, w, 3) uint8.
        size: Pixels: the side of the crop, or the longer side of the whole image.
        crops: Which kind, see `MirrorNetwork.crops`.
        multi_scale: Adds 1/2 and 1/4 (crops: those of `SCALES`).
    """
    if crops:
        crop = crop_input(rgb, size)
        return [np.ascontiguousarray(crop[::step, ::step]) for step in (SCALES[size] if multi_scale else (1,))]
    return [whole_input(rgb, size // step) for step in ((1, 2, 4) if multi_scale else (1,))]


def whole_input(rgb: np.ndarray, longer: int) -> np.ndarray:
    """(h', w', 3) uint8: the image with its longer side at `longer` pixels, bicubic with antialiasing."""
    height, width = rgb.shape[:2]
    scale = longer / max(height, width)
    target = (max(round(width * scale), 1), max(round(height * scale), 1))
    return np.array(
        Image.fromarray(rgb).resize(target, Image.Resampling.BICUBIC)
    )  # a copy: torch wants writable memory


def resized_shape(height: int, width: int, size: int) -> tuple[int, int]:
    """Height and width of MIRorR's resized image; float32 rounding makes the short side `size` or `size` + 1."""
    scale = np.float32(size) / np.float32(min(height, width))
    return int(np.ceil(np.float32(height) * scale)), int(np.ceil(np.float32(width) * scale))


def crop_input(rgb: np.ndarray, size: int) -> np.ndarray:
    """MIRorR's network input.

    The short side becomes `size` by the bilinear interpolation of early TensorFlow (corners not aligned, no shift by half
    a pixel, no antialiasing), first along x, then along y, in float32; then the centre crop, minus the mean.

    Args:
        rgb: (h, w, 3) uint8.
        size: Pixels.

    Returns:
        (size, size, 3) float32.
    """
    height, width = rgb.shape[:2]
    resized = resized_shape(height, width, size)
    low_y, high_y, weight_y = _taps(height, resized[0], size)
    low_x, high_x, weight_x = _taps(width, resized[1], size)
    needed = np.union1d(low_y, high_y)
    rows = rgb[needed]
    left, right = rows[:, low_x].astype(np.float32), rows[:, high_x].astype(np.float32)
    right -= left
    right *= weight_x[:, None]
    left += right
    top, bottom = left[np.searchsorted(needed, low_y)], left[np.searchsorted(needed, high_y)]
    bottom -= top
    bottom *= weight_y[:, None, None]
    top += bottom
    top -= MEAN
    return top


@lru_cache(maxsize=64)
def _taps(side: int, resized: int, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Both source positions and the weight of the second, for each of the `size` pixels in the middle of `resized`."""
    scale = np.float32(side) / np.float32(resized)
    first = (resized - size) // 2
    source = np.arange(first, first + size).astype(np.float32) * scale
    low = np.floor(source).astype(np.int64)
    return low, np.minimum(low + 1, side - 1), source - low.astype(np.float32)
