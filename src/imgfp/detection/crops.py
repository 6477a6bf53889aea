"""Which of the boxes found in a query are cut out: imgFp's rules, and ours."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from imgfp.detection.box import Box, Found, overlap
from imgfp.detection.finders import Finder
from imgfp.errors import InputError


@dataclass(frozen=True)
class CropRules:
    """imgFp rejects boxes over `largest` of the picture's area and sides beyond 1 : `longest`, and cuts out the surest of the rest.

    Attributes:
        confidence: A box must be surer than that.
        most: Crops a picture.
        margin: Added on each side, as a share of the box's side.
        apart: Of boxes that overlap more (intersection over union) only the surest is kept.
        added: The crop is a further query; otherwise it takes the picture's place, which is copied where there is no crop.
    """

    confidence: float
    most: int = 1
    margin: float = 0.0
    apart: float = 1.0
    added: bool = False
    largest: float = 0.85
    longest: float = 4.0


CROPS = {
    "global": CropRules(0.55),
    "local": CropRules(0.5),
    "default": CropRules(0.4, most=3, margin=0.02, apart=0.3, added=True),
}


_CLASSICAL = 0.65  # in place of preset "default"'s confidence: straight edges mean another thing by theirs


def crop_rules(name: str, finder: Finder) -> CropRules:
    """The rules of that name for the boxes of a finder; InputError that lists the names otherwise."""
    if name not in CROPS:
        raise InputError(f"crop rules {name!r}: give one of {', '.join(CROPS)}")
    rules = CROPS[name]
    return replace(rules, confidence=_CLASSICAL) if name == "default" and finder.name == "classical" else rules


def choose_boxes(found: Sequence[Found], width: int, height: int, rules: CropRules) -> list[Found]:
    """The boxes to cut out of a (height, width) picture, the surest first; the first given among equals."""
    chosen: list[Found] = []
    for item in sorted(found, key=lambda item: -item.confidence):
        box = item.box.inside(width, height)
        across, down = box.right - box.left, box.bottom - box.top
        if not (item.confidence > rules.confidence and across >= 1 and down >= 1):
            continue
        if box.area > rules.largest * width * height or not 1 / rules.longest <= down / across <= rules.longest:
            continue
        if all(overlap(box, other.box) <= rules.apart for other in chosen):
            chosen.append(Found(box, item.confidence))
        if len(chosen) == rules.most:
            break
    return chosen


def region(box: Box, width: int, height: int, margin: float = 0.0) -> tuple[int, int, int, int]:
    """Left, top, right, bottom in whole pixels of what is cut out: the box widened by a margin, within the picture, truncated."""
    x, y = margin * (box.right - box.left), margin * (box.bottom - box.top)
    wide = Box(box.left - x, box.top - y, box.right + x, box.bottom + y).inside(width, height)
    left, top, right, bottom = (int(value) for value in (wide.left, wide.top, wide.right, wide.bottom))
    return left, top, max(right, left + 1), max(bottom, top + 1)


def cut(image: np.ndarray, box: Box, margin: float = 0.0) -> np.ndarray:
    """The part of an (h, w, 3) picture that a box covers; see `region`."""
    left, top, right, bottom = region(box, image.shape[1], image.shape[0], margin)
    return image[top:bottom, left:right]
