"""What an edit is, and how edits are drawn and chained: picture and pixel map stay together."""

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from imgfp.errors import InputError


@dataclass(frozen=True)
class Edited:
    """An edited picture that knows where each pixel went.

    Attributes:
        image: (height, width, 3) uint8 RGB.
        matrix: (3, 3) float64 homography from source pixel coordinates (x, y, 1) to those of `image`; the centre of a
            pixel is an integer. The identity for edits that move nothing. A point may land outside of `image`
            (cropped away) or below something pasted over it.
    """

    image: np.ndarray
    matrix: np.ndarray


Edit = Callable[[np.ndarray, np.random.Generator], Edited]

# Two edits of one kind undo or drown each other (a screenshot of a screenshot); other edits are a kind of their own.
_KINDS = {
    "hflip": "flip",
    "vflip": "flip",
    "rotate": "turn",
    "rot90": "turn",
    "grayscale": "colour",
    "saturation": "colour",
    "colour_filter": "colour",
    "blur": "detail",
    "pixelize": "detail",
    "screenshot": "frame",
    "meme": "frame",
    "on_background": "frame",
    "emoji": "sticker",
    "filter": "sharpen",
}


def edit_kind(name: str) -> str:
    """The kind of a named edit; an AugLy edit is of the kind of its namesake here (augly_text: text)."""
    plain = name.removeprefix("augly_")
    return _KINDS.get(plain, plain)


def apply_edits(
    image: np.ndarray, names: Sequence[str], catalogue: Mapping[str, Edit], rng: np.random.Generator
) -> Edited:
    """Applies the named edits one after the other to an (h, w, 3) uint8 RGB image, which is left as it is.

    Raises:
        InputError: a name is not in the catalogue.
    """
    edited = Edited(image, np.eye(3))
    for name in names:
        if name not in catalogue:
            near = difflib.get_close_matches(name, catalogue, n=1, cutoff=0.0)
            hint = f": did you mean '{near[0]}'?" if near else ": the catalogue is empty"
            raise InputError(f"no edit is called '{name}'{hint}")
        step = catalogue[name](edited.image, rng)
        edited = Edited(step.image, step.matrix @ edited.matrix)
    return edited


def random_edits(rng: np.random.Generator, catalogue: Mapping[str, Edit], least: int, most: int) -> tuple[str, ...]:
    """Draws `least` to `most` names of edits, no two of one kind, in the order in which to apply them.

    A crop always comes first: after a paste it could cut away the whole source.

    Raises:
        InputError: the catalogue has fewer kinds than `most`, or `least` and `most` are no range.
    """
    kinds = {edit_kind(name) for name in catalogue}
    if not 0 <= least <= most <= len(kinds):
        raise InputError(f"{least} to {most} edits cannot be drawn from {len(kinds)} kinds: give 0 <= least <= most")
    count = int(rng.integers(least, most + 1))
    chosen: dict[str, str] = {}
    for name in rng.permutation(sorted(catalogue)):
        if len(chosen) == count:
            break
        chosen.setdefault(edit_kind(str(name)), str(name))
    return tuple(sorted(chosen.values(), key=lambda name: edit_kind(name) != "crop"))


def in_place(image: np.ndarray) -> Edited:
    """An edit that moved no pixel."""
    return Edited(np.ascontiguousarray(image), np.eye(3))


def translation(dx: float, dy: float) -> np.ndarray:
    """(3, 3) homography that moves points by (dx, dy) pixels."""
    return np.array([[1.0, 0.0, dx], [0.0, 1.0, dy], [0.0, 0.0, 1.0]])


def resized(image: np.ndarray, width: int, height: int) -> Edited:
    """`image` resampled to `width` x `height` pixels, smoothed where it shrinks.

    Resampling maps the outer border to the outer border; pixel centres lie half a pixel inside of it.
    """
    sx, sy = width / image.shape[1], height / image.shape[0]
    matrix = np.array([[sx, 0.0, (sx - 1) / 2], [0.0, sy, (sy - 1) / 2], [0.0, 0.0, 1.0]])
    return Edited(np.array(Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC)), matrix)
