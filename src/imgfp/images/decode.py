"""Decodes any image file to RGB, the same way everywhere; an unreadable file gives a `Failure`."""

import warnings
from pathlib import Path

import numpy as np
from PIL import Image

from imgfp.images.failure import Failure

# Pillow only warns between one and two times its limit; here anything above the limit is an error (_refuse_bomb).
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
# A broken EXIF block is not worth a warning: orientation 1 is assumed.
warnings.filterwarnings("ignore", message="Corrupt EXIF data", module="PIL")
warnings.filterwarnings("ignore", message="Truncated File Read", module="PIL")


def read_rgb(path: Path, smallest: int | None = None, as_stored: bool = False) -> np.ndarray | Failure:
    """Decodes one image: EXIF orientation applied, first frame, alpha over white.

    Args:
        path: The image file.
        smallest: Lower bound in pixels for both sides, if a reduced image is enough: a JPEG is then decoded at 1/2, 1/4
            or 1/8 of its size (draft mode). Do not use it before SIFT.
        as_stored: Ignore the EXIF orientation and drop alpha.

    Returns:
        (height, width, 3) uint8 RGB, or a `Failure` with a one-line reason. Never raises for a bad file.
    """
    try:
        with Image.open(path) as image:
            return rgb_of(image, smallest, as_stored)
    except Exception as error:  # decoders raise OSError, ValueError, SyntaxError, struct.error, MemoryError, ...
        return Failure(path, _reason(path, error))


def rgb_of(image: Image.Image, smallest: int | None = None, as_stored: bool = False) -> np.ndarray:
    """(height, width, 3) uint8 RGB of an opened image, as `read_rgb`, but raises what its decoder raises."""
    _refuse_bomb(image)
    if smallest is not None:
        image.draft(None, (smallest, smallest))
    if as_stored:
        return np.array(_deep_gray(image) if _is_deep(image) else image.convert("RGB"))
    exif_orientation = orientation(image)
    return np.ascontiguousarray(_transposed(_to_rgb(image), exif_orientation))


def _refuse_bomb(image: Image.Image) -> None:
    if Image.MAX_IMAGE_PIXELS is not None and image.width * image.height > Image.MAX_IMAGE_PIXELS:
        raise Image.DecompressionBombError


def orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 to 8; 1 if it is missing or invalid."""
    try:
        value = image.getexif().get(0x0112, 1)
    except Exception:  # a corrupt EXIF block is treated as none
        return 1
    return value if isinstance(value, int) and value in _TRANSPOSES else 1


_TRANSPOSES: dict[int, Image.Transpose | None] = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def _transposed(image: Image.Image, exif_orientation: int) -> Image.Image:
    method = _TRANSPOSES[exif_orientation]
    return image if method is None else image.transpose(method)


def _is_deep(image: Image.Image) -> bool:
    return image.mode.startswith("I") or image.mode == "F"


def _to_rgb(image: Image.Image) -> Image.Image:
    if _is_deep(image):
        return _deep_gray(image)
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
    return image.convert("RGB")


def _deep_gray(image: Image.Image) -> Image.Image:
    """16-bit and float gray: 0..65535 to 0..255; float data within 0..1 or 0..255 is read in that range."""
    values = np.nan_to_num(np.asarray(image, dtype=np.float64))
    top = 65535.0
    if image.mode == "F" and values.max(initial=0) <= 255:
        top = 1.0 if values.max(initial=0) <= 1 else 255.0
    gray = np.clip(np.rint(values * (255.0 / top)), 0, 255).astype(np.uint8)
    return Image.fromarray(gray).convert("RGB")


def _reason(path: Path, error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "no such file"
    if isinstance(error, PermissionError):
        return "permission denied"
    if isinstance(error, Image.DecompressionBombError):
        return f"more than {Image.MAX_IMAGE_PIXELS} pixels: decompression bomb, or a large scan to downscale first"
    if path.is_file() and path.stat().st_size == 0:
        return "the file is empty"
    if path.suffix.lower() in (".heic", ".heif"):
        return "HEIC is not supported by Pillow: convert the file to JPEG"
    text = " ".join(str(error).replace(str(path), path.name).split())
    return f"not a readable image ({text or type(error).__name__})"
