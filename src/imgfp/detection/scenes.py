"""Synthetic scenes with known boxes: photographs pasted on photographs, plain backgrounds, screens and collages."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from imgfp.detection.backgrounds import plain_background
from imgfp.detection.box import CLASSES, Box, around, overlap
from imgfp.edits import Edit, Edited, apply_edits, augly_catalogue, catalogue
from imgfp.edits.detail import jpeg_saved
from imgfp.edits.edit import resized, translation
from imgfp.edits.lettering import any_colour

# probability of each kind; letterboxed and framed images have boxes too, because their surroundings are not the copy
KINDS = {
    "on_photograph": 0.32,
    "on_background": 0.12,
    "screenshot": 0.20,
    "collage": 0.12,
    "framed": 0.06,
    "letter_boxed": 0.06,
    "nothing": 0.12,
}
_BEFORE = ("crop", "hflip", "vflip", "rot90", "aspect")  # applied before pasting; they keep the image a rectangle
_COLOURS = ("brightness", "colour_filter", "contrast", "grayscale", "invert", "saturation", "blur", "sharpen", "noise")
_COVERS = ("text", "sticker", "stripes", "masked")
_BARRED, _ON_SCREEN = 0.2, 0.06  # probability that the pasted image has bars, or is shown on a phone screen
_LABELS = {"screenshot": "screenshot_content", "collage": "collage_tile"}


@dataclass(frozen=True)
class Scene:
    """(height, width, 3) uint8 RGB, and the boxes of the pasted images. `kind`: a key of KINDS."""

    image: np.ndarray
    boxes: tuple[Box, ...]
    kind: str


def draw_kind(rng: np.random.Generator) -> str:
    """A random key of KINDS with the probabilities given there."""
    return str(rng.choice(list(KINDS), p=list(KINDS.values())))


class Scenes:
    """Generates scenes from a pool of photographs, each (h, w, 3) uint8 RGB."""

    def __init__(self, pool: Sequence[np.ndarray], longest: int = 256) -> None:
        """`longest`: longer side of a scene in pixels; photographs are reduced to it before any edit."""
        self._pool, self._longest = pool, longest
        self._edits: dict[str, Edit] = catalogue(pool)
        self._screens = [self._edits["screenshot"]]
        self._screens += [edit for name, edit in augly_catalogue(pool).items() if name == "augly_screenshot"]

    def make(self, kind: str, rng: np.random.Generator) -> Scene:
        """Generates one scene of a kind of KINDS; it depends only on the state of `rng`."""
        image, boxes = getattr(self, f"_{kind}")(rng)
        if rng.random() < 0.3:  # a final edit of the entire scene
            image = apply_edits(image, [str(rng.choice([*_COLOURS, *_COVERS[:3]]))], self._edits, rng).image
        factor = min(1.0, self._longest / max(image.shape[:2]))
        height, width = (max(1, round(side * factor)) for side in image.shape[:2])
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
        if rng.random() < 0.3:
            image = self._saved(image, rng)  # compresses the seams too
        fitted = [box.scaled(factor, factor).inside(width, height) for box in boxes]
        return Scene(image, tuple(box for box in fitted if min(box.right - box.left, box.bottom - box.top) >= 8), kind)

    def _photograph(self, rng: np.random.Generator) -> np.ndarray:
        """A random photograph. Foregrounds and backgrounds are processed the same way, or a detector would learn the seams."""
        image = self._pool[int(rng.integers(0, len(self._pool)))]
        factor = min(1.0, self._longest * rng.uniform(0.6, 1.0) / max(image.shape[:2]))
        size = max(8, round(image.shape[1] * factor)), max(8, round(image.shape[0] * factor))
        return self._saved(cv2.resize(image, size, interpolation=cv2.INTER_AREA), rng)

    def _saved(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """JPEG-compressed once, with probability 0.5 after a loss of resolution."""
        height, width = image.shape[:2]
        if rng.random() < 0.5:
            factor = rng.uniform(0.5, 1.0)
            small = cv2.resize(
                image, (max(8, round(width * factor)), max(8, round(height * factor))), interpolation=cv2.INTER_AREA
            )
            image = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
        return jpeg_saved(image, int(rng.integers(40, 98)))

    def _content(self, rng: np.random.Generator) -> np.ndarray:
        """A photograph to paste: sometimes cropped, mirrored, rotated, recoloured or partly covered."""
        names = [name for name in _BEFORE if rng.random() < 0.25]
        names += [str(rng.choice(_COLOURS))] if rng.random() < 0.4 else []
        names += [str(rng.choice(_COVERS))] if rng.random() < 0.3 else []
        return apply_edits(self._photograph(rng), names, self._edits, rng, self._longest**2).image

    def _shown(self, rng: np.random.Generator, least: float = 0.0) -> tuple[np.ndarray, Box]:
        """An image to paste and the box of its content: sometimes with bars, or on a screen unless `least` is above 0."""
        (content, full_box), chance = self._full(rng), rng.uniform(least, 1.0)
        height, width = content.shape[:2]
        if chance < _ON_SCREEN:
            done = self._edits["screenshot"](content, rng)
            return done.image, around(done.matrix, width, height, CLASSES[0])
        if chance > _ON_SCREEN + _BARRED:
            return content, full_box
        ratio = float(np.exp(rng.uniform(np.log(0.45), np.log(2.2))))
        across, down = max(width, round(height * ratio)), max(height, round(width / ratio))
        colour = any_colour(rng) if rng.random() < 0.3 else (0, 0, 0) if rng.random() < 0.75 else (255, 255, 255)
        page = np.full((down, across, 3), colour, np.uint8)
        left, top = (across - width) // 2, (down - height) // 2
        page[top : top + height, left : left + width] = content
        return page, Box(left, top, left + width, top + height)

    def _on_photograph(self, rng: np.random.Generator) -> tuple[np.ndarray, list[Box]]:
        ground = self._photograph(rng)
        if rng.random() < 0.3:
            ground = apply_edits(ground, [str(rng.choice(_COLOURS))], self._edits, rng).image
        return self._paste(ground, rng, 2 if rng.random() < 0.12 else 1)

    def _on_background(self, rng: np.random.Generator) -> tuple[np.ndarray, list[Box]]:
        width, height = (int(side) for side in rng.uniform(0.55, 1.0, 2) * self._longest)
        return self._paste(plain_background(width, height, rng), rng, 1)

    def _paste(self, ground: np.ndarray, rng: np.random.Generator, count: int) -> tuple[np.ndarray, list[Box]]:
        """Images pasted on a background, 20 to 92 % of a side, sometimes with a border or not fully opaque."""
        image = ground.copy()
        boxes: list[Box] = []
        taken: list[Box] = []
        for _ in range(count):
            (content, inner), most = self._shown(rng), 0.92 if count == 1 else 0.48
            height, width = ground.shape[:2]
            factor = rng.uniform(0.2, most) * min(width / content.shape[1], height / content.shape[0])
            across, down = (
                max(8, min(s, round(n * factor))) for s, n in ((width, content.shape[1]), (height, content.shape[0]))
            )
            over = resized(content, across, down).image
            left, top = int(rng.integers(0, width - across + 1)), int(rng.integers(0, height - down + 1))
            box = Box(left, top, left + across, top + down)
            if any(overlap(box, other) > 0 for other in taken):
                continue  # overlapping images would hide part of a box
            if rng.random() < 0.2:
                edge = int(rng.integers(1, 7))
                cv2.rectangle(
                    image,
                    (left - edge, top - edge),
                    (left + across + edge - 1, top + down + edge - 1),
                    any_colour(rng),
                    -1,
                )
            share = 1.0 if rng.random() < 0.8 else rng.uniform(0.75, 1.0)
            below = image[top : top + down, left : left + across]
            below[:] = cv2.addWeighted(below, 1 - share, over, share, 0)
            taken.append(box)
            shrunk = inner.scaled(across / content.shape[1], down / content.shape[0])
            boxes.append(shrunk.moved(left, top))
        return image, boxes

    def _screenshot(self, rng: np.random.Generator) -> tuple[np.ndarray, list[Box]]:
        screen = self._screens[int(rng.integers(0, len(self._screens)))]
        return self._boxed(self._shown(rng, _ON_SCREEN), screen, "screenshot", rng)

    def _framed(self, rng: np.random.Generator) -> tuple[np.ndarray, list[Box]]:
        return self._boxed(self._full(rng), self._edits["pad"], "framed", rng)

    def _letter_boxed(self, rng: np.random.Generator) -> tuple[np.ndarray, list[Box]]:
        edit = self._edits[("pad_square", "meme")[int(rng.integers(0, 2))]]
        return self._boxed(self._full(rng), edit, "letter_boxed", rng)

    def _full(self, rng: np.random.Generator) -> tuple[np.ndarray, Box]:
        """An image to paste whose content fills it."""
        content = self._content(rng)
        return content, Box(0, 0, content.shape[1], content.shape[0])

    def _boxed(
        self,
        shown: tuple[np.ndarray, Box],
        edit: Callable[[np.ndarray, np.random.Generator], Edited],
        kind: str,
        rng: np.random.Generator,
    ) -> tuple[np.ndarray, list[Box]]:
        image, box = shown
        done = edit(image, rng)
        matrix = done.matrix @ translation(box.left, box.top)
        return done.image, [around(matrix, box.right - box.left, box.bottom - box.top, _LABELS.get(kind, CLASSES[0]))]

    def _collage(self, rng: np.random.Generator) -> tuple[np.ndarray, list[Box]]:
        """Two to four images in a row, a column or a 2 x 2 grid."""
        rows, columns = [(1, 2), (2, 1), (1, 3), (3, 1), (2, 2)][int(rng.integers(0, 5))]
        gap, side = int(rng.integers(0, 12)), self._longest // max(rows, columns)
        wide, high = int(side * rng.uniform(0.7, 1.0)), int(side * rng.uniform(0.7, 1.0))
        page = np.full(((high + gap) * rows + gap, (wide + gap) * columns + gap, 3), any_colour(rng), np.uint8)
        boxes = []
        for number in range(rows * columns):
            left, top = gap + number % columns * (wide + gap), gap + number // columns * (high + gap)
            page[top : top + high, left : left + wide] = _filling(self._content(rng), wide, high)
            boxes.append(Box(left, top, left + wide, top + high, "collage_tile"))
        return page, boxes

    def _nothing(self, rng: np.random.Generator) -> tuple[np.ndarray, list[Box]]:
        """An edited photograph without a pasted image."""
        return self._content(rng), []


def _filling(image: np.ndarray, width: int, height: int) -> np.ndarray:
    """The image scaled to cover (height, width), cropped at the centre."""
    factor = max(width / image.shape[1], height / image.shape[0])
    across, down = max(width, round(image.shape[1] * factor)), max(height, round(image.shape[0] * factor))
    grown = resized(image, across, down).image
    left, top = (across - width) // 2, (down - height) // 2
    return grown[top : top + height, left : left + width]
