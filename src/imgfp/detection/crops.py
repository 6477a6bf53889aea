"""Selection of the detected boxes that become query crops: imgFp's rules and ours."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from imgfp.detection.box import Box, Detection, overlap
from imgfp.detection.finders import Finder
from imgfp.errors import InputError


@dataclass(frozen=True)
class CropRules:
    """Boxes with too large an area or too long a side are rejected; the most confident of the rest are cropped.

    Attributes:
        confidence: A box is accepted if its confidence is higher.
        most: Maximum number of crops per image.
        margin: Added on each side, as a fraction of the box side.
        apart: NMS threshold: of boxes with a higher intersection over union only the most confident is kept.
        added: Crops are additional queries; otherwise a crop replaces the image, and an image without a crop is copied.
        largest: Maximum area of a box, as a fraction of the image area.
        longest: Maximum aspect ratio, either way.
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


_CLASSICAL = 0.65  # confidence for rules "default" with the classical detector, whose scores have another scale


def crop_rules(name: str, finder: Finder) -> CropRules:
    """The rules of that name for the boxes of a detector; InputError that lists the names if it is unknown."""
    if name not in CROPS:
        raise InputError(f"unknown crop rules {name!r}: must be one of {', '.join(CROPS)}")
    rules = CROPS[name]
    return replace(rules, confidence=_CLASSICAL) if name == "default" and finder.name == "classical" else rules


def choose_boxes(found: Sequence[Detection], width: int, height: int, rules: CropRules) -> list[Detection]:
    """The boxes to crop from a (height, width) image, most confident first; ties keep their order."""
    chosen: list[Detection] = []
    for item in sorted(found, key=lambda item: -item.confidence):
        box = item.box.inside(width, height)
        across, down = box.right - box.left, box.bottom - box.top
        if not (item.confidence > rules.confidence and across >= 1 and down >= 1):
            continue
        if box.area > rules.largest * width * height or not 1 / rules.longest <= down / across <= rules.longest:
            continue
        if all(overlap(box, other.box) <= rules.apart for other in chosen):
            chosen.append(Detection(box, item.confidence))
        if len(chosen) == rules.most:
            break
    return chosen


def region(box: Box, width: int, height: int, margin: float = 0.0) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of the crop in integer pixels: the box with its margin, clipped to the image, truncated."""
    x, y = margin * (box.right - box.left), margin * (box.bottom - box.top)
    wide = Box(box.left - x, box.top - y, box.right + x, box.bottom + y).inside(width, height)
    left, top, right, bottom = (int(value) for value in (wide.left, wide.top, wide.right, wide.bottom))
    return left, top, max(right, left + 1), max(bottom, top + 1)


def cut(image: np.ndarray, box: Box, margin: float = 0.0) -> np.ndarray:
    """The crop of an (h, w, 3) image; see `region`."""
    left, top, right, bottom = region(box, image.shape[1], image.shape[0], margin)
    return image[top:bottom, left:right]
