"""Synthetic images and features."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from imgfp.local.features import LocalFeatures


def texture(seed: int, height: int = 160, width: int = 200) -> np.ndarray:
    rng = np.random.default_rng(seed)
    fine = cv2.GaussianBlur(rng.normal(0, 1, (height, width, 3)), (0, 0), 2) * 10
    coarse = cv2.GaussianBlur(rng.normal(0, 1, (height, width, 3)), (0, 0), 9) * 25
    return np.clip(128 + 40 * (fine + coarse), 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def make_texture() -> Callable[..., np.ndarray]:
    return texture


@pytest.fixture
def make_features() -> Callable[[int, int], LocalFeatures]:
    def make(seed: int, count: int) -> LocalFeatures:
        rng = np.random.default_rng(seed)
        keypoints = rng.uniform(0, 300, (count, 4)).astype(np.float32)
        return LocalFeatures(keypoints, rng.integers(0, 256, (count, 128), dtype=np.uint8), 300 + seed, 400)

    return make


@pytest.fixture(scope="module")
def image_files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Six images; the third is unreadable, the fifth is flat."""
    folder = tmp_path_factory.mktemp("images")
    for number in range(6):
        Image.fromarray(texture(number)).save(folder / f"{number}.png")
    (folder / "2.png").write_bytes(b"not an image")
    Image.new("RGB", (80, 60), "gray").save(folder / "4.png")
    return sorted(folder.iterdir())
