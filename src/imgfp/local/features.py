"""Local features of one image: where the keypoints are and what they look like."""

from dataclasses import dataclass

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
    """

    keypoints: np.ndarray
    descriptors: np.ndarray
    width: int
    height: int

    def __len__(self) -> int:
        return len(self.keypoints)

    @classmethod
    def none(cls, width: int, height: int) -> "LocalFeatures":
        """No keypoints."""
        return cls(np.zeros((0, 4), np.float32), np.zeros((0, DESCRIPTOR_SIZE), np.uint8), width, height)


def reverse_bins(descriptors: np.ndarray) -> np.ndarray:
    """(n, 128) descriptors with each cell's orientation bins t moved to -t mod 8."""
    return descriptors.reshape(-1, 16, 8)[:, :, _REVERSED_BINS].reshape(-1, DESCRIPTOR_SIZE)


def mirror_descriptors(descriptors: np.ndarray) -> np.ndarray:
    """(n, 128) descriptors as they would be in the mirrored image: cell rows reversed, orientation bins reversed."""
    cells = descriptors.reshape(-1, 4, 4, 8)[:, ::-1]
    return np.ascontiguousarray(reverse_bins(np.ascontiguousarray(cells)))
