"""The edit interface, and random selection and chaining of edits with their pixel mapping."""

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from imgfp.errors import InputError


@dataclass(frozen=True)
class Edited:
    """An edited image with its pixel mapping.

    Attributes:
        image: (height, width, 3) uint8 RGB.
        matrix: (3, 3) float64 homography from source pixel coordinates (x, y, 1) to those of `image`, with pixel centres
            at integers; the identity for edits that move no pixel. A point may be mapped outside `image` (cropped) or
            below an overlay.
    """

    image: np.ndarray
    matrix: np.ndarray


Edit = Callable[[np.ndarray, np.random.Generator], Edited]

# Edits of one kind would undo or mask each other (a screenshot of a screenshot); each other edit is its own kind.
_KINDS = {
    "hflip": "flip",
    "vflip": "flip",
    "rotate": "turn",
    "rot90": "turn",
    "skew": "perspective",
    "pad_square": "pad",
    "grayscale": "colour",
    "saturation": "colour",
    "colour_filter": "colour",
    "colour_jitter": "colour",
    "palette": "posterize",
    "blur": "detail",
    "pixelize": "detail",
    "shuffle_pixels": "noise",
    "screenshot": "frame",
    "meme": "frame",
    "on_background": "frame",
    "emoji": "sticker",
    "filter": "sharpen",
}


# A very narrow image, rotated or padded to a square, would need a canvas of its length squared: a canvas has at most this
# many times the pixels of its image, or this many in total.
_CANVAS_TIMES, _CANVAS_PIXELS = 16, 512 * 512


def plain_name(name: str) -> str:
    """The name of an edit without the prefix of AugLy's edits ("augly_text": "text")."""
    return name.removeprefix("augly_")


def edit_kind(name: str) -> str:
    """The kind of a named edit; an AugLy edit has the kind of our edit of the same name (augly_text: text)."""
    return _KINDS.get(plain_name(name), plain_name(name))


def apply_edits(
    image: np.ndarray,
    names: Sequence[str],
    catalogue: Mapping[str, Edit],
    rng: np.random.Generator,
    limit: int | None = None,
) -> Edited:
    """Applies the named edits in sequence to an (h, w, 3) uint8 RGB image, which is not modified.

    Args:
        limit: The image is reduced to this many pixels (width times height) before the first edit, and after every edit
            that enlarged it. This saves time if the caller needs a small image; edits measured in pixels (blur, blocks)
            then act as on an image of that size. None: no reduction.

    Raises:
        InputError: a name is not in the catalogue, or the limit is below 1.
    """
    if limit is not None and limit < 1:
        raise InputError(f"limit={limit}: must be >= 1 pixel")
    edited = _shrunk(Edited(image, np.eye(3)), limit)
    for name in names:
        if name not in catalogue:
            near = difflib.get_close_matches(name, catalogue, n=1, cutoff=0.0)
            hint = f": did you mean '{near[0]}'?" if near else ": the catalogue is empty"
            raise InputError(f"unknown edit '{name}'{hint}")
        step = catalogue[name](edited.image, rng)
        edited = _shrunk(Edited(step.image, step.matrix @ edited.matrix), limit)
    return edited


def random_edits(rng: np.random.Generator, catalogue: Mapping[str, Edit], least: int, most: int) -> tuple[str, ...]:
    """Draws `least` to `most` names of edits, no two of one kind, in the order of application.

    A crop always comes first: after a paste it could remove the source image entirely.

    Raises:
        InputError: the catalogue has fewer kinds than `most`, or `least` and `most` are not a valid range.
    """
    kinds = {edit_kind(name) for name in catalogue}
    if not 0 <= least <= most <= len(kinds):
        raise InputError(
            f"cannot draw {least} to {most} edits from {len(kinds)} kinds: must be 0 <= least <= most <= {len(kinds)}"
        )
    count = int(rng.integers(least, most + 1))
    chosen: dict[str, str] = {}
    for name in rng.permutation(sorted(catalogue)):
        if len(chosen) == count:
            break
        chosen.setdefault(edit_kind(str(name)), str(name))
    return tuple(sorted(chosen.values(), key=lambda name: edit_kind(name) != "crop"))


def in_place(image: np.ndarray) -> Edited:
    """The result of an edit that moves no pixel."""
    return Edited(np.ascontiguousarray(image), np.eye(3))


def translation(dx: float, dy: float) -> np.ndarray:
    """(3, 3) homography that moves points by (dx, dy) pixels."""
    return np.array([[1.0, 0.0, dx], [0.0, 1.0, dy], [0.0, 0.0, 1.0]])


def resized(image: np.ndarray, width: int, height: int) -> Edited:
    """`image` resampled to `width` x `height` pixels, with area averaging when it shrinks."""
    shrinks = width <= image.shape[1] and height <= image.shape[0]
    how = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return Edited(cv2.resize(image, (width, height), interpolation=how), stretch(image, width, height))


def stretch(image: np.ndarray, width: int, height: int) -> np.ndarray:
    """(3, 3) homography of resampling `image` to `width` x `height` pixels.

    Resampling maps the outer border to the outer border; pixel centres are half a pixel inside it.
    """
    sx, sy = width / image.shape[1], height / image.shape[0]
    return np.array([[sx, 0.0, (sx - 1) / 2], [0.0, sy, (sy - 1) / 2], [0.0, 0.0, 1.0]])


def scaled(image: np.ndarray, factor: float) -> Edited:
    """`image` with both sides times `factor`, at least one pixel each."""
    return resized(image, max(1, round(image.shape[1] * factor)), max(1, round(image.shape[0] * factor)))


def slimmed(image: np.ndarray, canvas: float) -> Edited:
    """`image`, reduced if it is so narrow that its canvas of `canvas` pixels would exceed the limit."""
    most = max(_CANVAS_TIMES * image.shape[0] * image.shape[1], _CANVAS_PIXELS)
    return in_place(image) if canvas <= most else scaled(image, float(np.sqrt(most / canvas)))


def _shrunk(edited: Edited, limit: int | None) -> Edited:
    height, width = edited.image.shape[:2]
    if limit is None or height * width <= limit:
        return edited
    factor = float(np.sqrt(limit / (height * width)))
    # rounded down; a side of one pixel cannot shrink further, so the other one does
    new_width, new_height = max(1, int(width * factor)), max(1, int(height * factor))
    small = resized(edited.image, min(new_width, limit), min(new_height, limit))
    return Edited(small.image, small.matrix @ edited.matrix)
