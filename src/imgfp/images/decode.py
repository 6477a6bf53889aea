"""Any image file to RGB, the same way everywhere; what cannot be read becomes a `Failure`."""

import warnings
from pathlib import Path

import numpy as np
from PIL import Image

from imgfp.images.failure import Failure

# Between one and two times its limit Pillow only warns; here a bomb is an error from the limit on (_refuse_bomb).
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
# A broken EXIF block is no reason to talk: its orientation counts as 1.
warnings.filterwarnings("ignore", message="Corrupt EXIF data", module="PIL")
warnings.filterwarnings("ignore", message="Truncated File Read", module="PIL")


def read_rgb(path: Path, smallest: int | None = None) -> np.ndarray | Failure:
    """Decodes one image: EXIF orientation applied, first frame, alpha over white.

    Args:
        path: The image file.
        smallest: Where a smaller picture is all that is needed, the length that neither side may fall below: a JPEG is
            then decoded at a half, a quarter or an eighth (draft mode). Never give it before SIFT.

    Returns:
        (height, width, 3) uint8 RGB, or a `Failure` with a one-line reason. Never raises for a bad file.
    """
    try:
        with Image.open(path) as image:
            return rgb_of(image, smallest)
    except Exception as error:  # decoders raise OSError, ValueError, SyntaxError, struct.error, MemoryError, ...
        return Failure(path, _reason(path, error))


def rgb_of(image: Image.Image, smallest: int | None = None) -> np.ndarray:
    """(height, width, 3) uint8 RGB of an opened image, as `read_rgb`, but raises what its decoder raises."""
    _refuse_bomb(image)
    if smallest is not None:
        image.draft(None, (smallest, smallest))
    turned = orientation(image)
    return np.ascontiguousarray(_turn(_to_rgb(image), turned))


def _refuse_bomb(image: Image.Image) -> None:
    if Image.MAX_IMAGE_PIXELS is not None and image.width * image.height > Image.MAX_IMAGE_PIXELS:
        raise Image.DecompressionBombError


def orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 to 8; 1 where there is none or an invalid one."""
    try:
        value = image.getexif().get(0x0112, 1)
    except Exception:  # a garbage EXIF block: as without one
        return 1
    return value if isinstance(value, int) and value in _TURNS else 1


_TURNS: dict[int, Image.Transpose | None] = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def _turn(image: Image.Image, turned: int) -> Image.Image:
    turn = _TURNS[turned]
    return image if turn is None else image.transpose(turn)


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":
        return _deep_gray(image)
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
    return image.convert("RGB")


def _deep_gray(image: Image.Image) -> Image.Image:
    """16-bit and float gray: 0..65535 to 0..255; float data that stays within 0..1 or 0..255 is taken as such."""
    values = np.nan_to_num(np.asarray(image, dtype=np.float64))
    top = 65535.0
    if image.mode == "F" and values.max(initial=0) <= 255:
        top = 1.0 if values.max(initial=0) <= 1 else 255.0
    gray = np.clip(np.rint(values * (255.0 / top)), 0, 255).astype(np.uint8)
    return Image.fromarray(gray).convert("RGB")


def _reason(path: Path, error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "the file is not there"
    if isinstance(error, PermissionError):
        return "no permission to read the file"
    if isinstance(error, Image.DecompressionBombError):
        return f"more than {Image.MAX_IMAGE_PIXELS} pixels: a decompression bomb, or a scan to be made smaller first"
    if path.is_file() and path.stat().st_size == 0:
        return "the file is empty"
    if path.suffix.lower() in (".heic", ".heif"):
        return "HEIC is not read by Pillow alone: convert the file to JPEG"
    text = " ".join(str(error).replace(str(path), path.name).split())
    return f"not a readable image ({text or type(error).__name__})"
