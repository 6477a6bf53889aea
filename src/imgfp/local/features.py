"""Local features of one image: keypoints and descriptors."""

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

DESCRIPTOR_SIZE = 128
# The permutation of the 8 orientation bins when an image is mirrored or the sign of angles changes.
_REVERSED_BINS = np.array([0, 7, 6, 5, 4, 3, 2, 1])


@dataclass(frozen=True)
class LocalFeatures:
    """n keypoints with descriptors.

    `keypoints`: (n, 4) float32: x, y (pixels of the plane, pixel centre = integer), sigma (pixels), theta (radians).
    `descriptors`: (n, 128) uint8 RootSIFT: 4 x 4 cells in row-major order, 8 orientation bins each, squared norm about 65025.
    `width`, `height`: size of the plane in pixels.
    `views`: number of keypoints per view of the image, in order (see `imgfp.local.sift.views`); empty: a single view.
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
        """The rows of each view."""
        ends = np.cumsum([0, *(self.views or (len(self),))]).tolist()
        return [slice(*pair) for pair in pairwise(ends)]

    def first_views(self, count: int) -> np.ndarray:
        """(m, 128) descriptors of the first `count` non-empty views."""
        rows = [view for view in self.view_rows if view.stop > view.start][:count]
        return np.concatenate([self.descriptors[view] for view in rows] or [self.descriptors[:0]])

    @classmethod
    def none(cls, width: int, height: int) -> "LocalFeatures":
        """Features without keypoints."""
        return cls(np.zeros((0, 4), np.float32), np.zeros((0, DESCRIPTOR_SIZE), np.uint8), width, height)


class Transform(NamedTuple):
    """An image transform to which SIFT is not invariant, but which only permutes the entries of a descriptor."""

    mirrored: bool = False
    inverted: bool = False  # colours inverted: all gradients change sign


PLAIN = Transform()


def transforms_for(mirrored: bool, inverted: bool) -> tuple[Transform, ...]:
    """The identity and all combinations of the requested transforms; the identity first."""
    return tuple(
        Transform(m, i)
        for i in ((False, True) if inverted else (False,))
        for m in ((False, True) if mirrored else (False,))
    )


def transform_permutation(transform: Transform) -> np.ndarray:
    """(128,) permutation such that `descriptor[permutation]` is the descriptor in the transformed image; it is an involution.

    Mirrored: rows of cells reversed, orientation bins t to -t mod 8. Inverted: the keypoint orientation rotates by 180
    degrees with the gradients, so the 4 x 4 cells are reversed in both directions and the bins stay.
    """
    places = np.arange(DESCRIPTOR_SIZE).reshape(4, 4, 8)
    if transform.mirrored:
        places = places[::-1, :, _REVERSED_BINS]
    if transform.inverted:
        places = places[::-1, ::-1]
    return np.ascontiguousarray(places).ravel()


def transform_descriptors(descriptors: np.ndarray, transform: Transform) -> np.ndarray:
    """(n, 128) descriptors as in the transformed image."""
    return np.ascontiguousarray(descriptors[:, transform_permutation(transform)])


def reverse_bins(descriptors: np.ndarray) -> np.ndarray:
    """(n, 128) descriptors with each cell's orientation bins t moved to -t mod 8."""
    return descriptors.reshape(-1, 16, 8)[:, :, _REVERSED_BINS].reshape(-1, DESCRIPTOR_SIZE)
