"""Whether two files show the very same picture, saved again: 64 bits that survive compression and scaling, not editing."""

import cv2
import numpy as np

BITS = 64


def perceptual_hash(rgb: np.ndarray) -> np.ndarray:
    """(8,) uint8: signs of the 8 x 8 lowest frequencies of the gray picture (OpenCV contrib's pHash; Zauner 2010).

    Args:
        rgb: (height, width, 3) uint8.
    """
    return np.asarray(cv2.img_hash.pHash(cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))).ravel()


def hash_distance(a: np.ndarray, b: np.ndarray) -> int:
    """How many of the 64 bits differ."""
    return int(np.bitwise_count(a ^ b).sum())
