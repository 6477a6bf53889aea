"""A synthetic photograph and a pool of others: blurred noise has detail everywhere and repeats nowhere."""

import cv2
import numpy as np
import pytest


def texture(seed: int, height: int, width: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    fine = cv2.GaussianBlur(rng.normal(0, 1, (height, width, 3)), (0, 0), 3) * 6
    coarse = cv2.GaussianBlur(rng.normal(0, 1, (height, width, 3)), (0, 0), 12) * 30
    return np.clip(128 + 40 * (fine + coarse), 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def photo() -> np.ndarray:
    return texture(1, 180, 240)


@pytest.fixture(scope="session")
def pool() -> list[np.ndarray]:
    return [texture(2, 200, 160), texture(3, 150, 260)]
