"""Perceptual hash of 64 bits: stable under recompression and scaling, not under editing."""

import cv2
import numpy as np


def perceptual_hash(rgb: np.ndarray) -> np.ndarray:
    """(8,) uint8: signs of the 8 x 8 lowest frequencies of the gray image (pHash of opencv-contrib; Zauner 2010).

    Args:
        rgb: (height, width, 3) uint8.
    """
    return np.asarray(cv2.img_hash.pHash(cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))).ravel()


def hash_distance(a: np.ndarray, b: np.ndarray) -> int:
    """Hamming distance of two hashes, 0..64."""
    return int(np.bitwise_count(a ^ b).sum())
