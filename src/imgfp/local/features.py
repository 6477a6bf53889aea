"""Local features of one image: where the keypoints are and what they look like."""

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

DESCRIPTOR_SIZE = 128
# Where each of the 8 orientation bins goes when an image is mirrored, or its angles counted the other way round.
_REVERSED_BINS = np.array([0, 7, 6, 5, 4, 3, 2, 1])


@dataclass(frozen=True)
class LocalFeatures:
    """n keypoints with descriptors.

    `keypoints`: (n, 4) float32: x, y (pixels of the plane, pixel centre = integer), sigma (pixels), theta (radians).
    `descriptors`: (n, 128) uint8 RootSIFT: 4 x 4 cells row by row, 8 orientation bins each, squared norm about 65025.
    `width`, `height`: the plane's size in pixels.
    `views`: how many of them each view of the picture gave, in order (see `imgfp.local.sift.views`); empty: all are of one.
    """

    keypoints: np.ndarray
    descriptors: np.ndarray
    width: int
    height: int
    views: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.keypoints)

    @property
    def view_rows(self) -> list[slice]:
        """Which rows belong to each view."""
        ends = np.cumsum([0, *(self.views or (len(self),))]).tolist()
        return [slice(*pair) for pair in pairwise(ends)]

    def first_views(self, count: int) -> np.ndarray:
        """(m, 128) descriptors of the first `count` views that have any."""
        rows = [view for view in self.view_rows if view.stop > view.start][:count]
        return np.concatenate([self.descriptors[view] for view in rows] or [self.descriptors[:0]])

    @classmethod
    def none(cls, width: int, height: int) -> "LocalFeatures":
        """No keypoints."""
        return cls(np.zeros((0, 4), np.float32), np.zeros((0, DESCRIPTOR_SIZE), np.uint8), width, height)


class Transform(NamedTuple):
    """What may have been done to a whole picture that SIFT does not follow by itself, and a descriptor shows as other places."""

    mirrored: bool = False
    inverted: bool = False  # a negative: every gradient turned round


PLAIN = Transform()


def transforms_for(mirrored: bool, inverted: bool) -> tuple[Transform, ...]:
    """The plain picture, and every combination of what is asked for; plain first."""
    return tuple(
        Transform(m, i)
        for i in ((False, True) if inverted else (False,))
        for m in ((False, True) if mirrored else (False,))
    )


def transform_permutation(variant: Transform) -> np.ndarray:
    """(128,) such that `descriptor[places]` is the descriptor in the changed picture; doing it twice changes nothing.

    Mirrored: rows of cells reversed, orientation bins t to -t mod 8. Inverted: the keypoint's own direction turns by half
    a circle with the gradients, so the 4 x 4 cells are reversed both ways and the bins stay.
    """
    places = np.arange(DESCRIPTOR_SIZE).reshape(4, 4, 8)
    if variant.mirrored:
        places = places[::-1, :, _REVERSED_BINS]
    if variant.inverted:
        places = places[::-1, ::-1]
    return np.ascontiguousarray(places).ravel()


def transform_descriptors(descriptors: np.ndarray, variant: Transform) -> np.ndarray:
    """(n, 128) descriptors as they would be in the changed picture."""
    return np.ascontiguousarray(descriptors[:, transform_permutation(variant)])


def reverse_bins(descriptors: np.ndarray) -> np.ndarray:
    """(n, 128) descriptors with each cell's orientation bins t moved to -t mod 8."""
    return descriptors.reshape(-1, 16, 8)[:, :, _REVERSED_BINS].reshape(-1, DESCRIPTOR_SIZE)
