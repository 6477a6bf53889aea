"""Synthetic backgrounds: plain colours, gradients and patterns."""

import cv2
import numpy as np

from imgfp.edits.lettering import any_colour


def plain_background(width: int, height: int, rng: np.random.Generator) -> np.ndarray:
    """(height, width, 3) uint8: a solid colour, a gradient, stripes, a checkerboard, dots, or blurred noise."""
    first, second = (np.array(any_colour(rng), np.float32) for _ in range(2))
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    angle, period = rng.uniform(0, np.pi), rng.uniform(8, 60)
    along = x * np.cos(angle) + y * np.sin(angle)
    kind = int(rng.integers(0, 6))
    if kind == 0:
        share = np.zeros((height, width), np.float32)
    elif kind == 1:
        share = (along - along.min()) / max(1.0, float(np.ptp(along)))
    elif kind == 2:
        share = (along % period < period / 2).astype(np.float32)
    elif kind == 3:
        share = ((x // period + y // period) % 2).astype(np.float32)
    elif kind == 4:
        share = ((x % period - period / 2) ** 2 + (y % period - period / 2) ** 2 < (period / 4) ** 2).astype(np.float32)
    else:
        noise = np.asarray(cv2.GaussianBlur(rng.random((height, width), np.float32), (0, 0), float(rng.uniform(1, 12))))
        share = (noise - noise.min()) / max(1e-6, float(np.ptp(noise)))
    return np.rint(first + (second - first) * share[..., None]).astype(np.uint8)
