"""Sizes from headers, and the hash that separates re-saved images from edited ones."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgfp.images import FileSize, file_size
from imgfp.images.perceptual_hash import hash_distance, perceptual_hash


@pytest.mark.parametrize(("orientation", "size"), [(1, (30, 20)), (3, (30, 20)), (6, (20, 30)), (8, (20, 30))])
def test_size_is_that_of_the_image_as_displayed(tmp_path: Path, orientation: int, size: tuple[int, int]) -> None:
    path, exif = tmp_path / "a.jpg", Image.Exif()
    exif[0x0112] = orientation
    Image.new("RGB", (30, 20)).save(path, exif=exif)
    assert file_size(path) == FileSize(*size, path.stat().st_size)


def test_what_is_not_an_image_has_no_size(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"not an image")
    assert file_size(tmp_path / "a.jpg") is None
    assert file_size(tmp_path / "gone.jpg") is None
    assert file_size(tmp_path) is None


def smooth(seed: int) -> np.ndarray:
    small = np.random.default_rng(seed).integers(0, 256, (9, 12, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(small).resize((240, 180), Image.Resampling.BICUBIC))


def test_hash_survives_scaling_and_compression_and_no_edit(tmp_path: Path) -> None:
    for seed in range(5):
        rgb = smooth(seed)
        Image.fromarray(rgb).resize((130, 100)).save(tmp_path / "saved.jpg", quality=60)
        own = perceptual_hash(rgb)
        assert (own.shape, own.dtype) == ((8,), np.uint8)
        assert hash_distance(own, perceptual_hash(np.asarray(Image.open(tmp_path / "saved.jpg")))) <= 4
        for other in (smooth(seed + 100), rgb[:, ::-1].copy(), rgb[40:, 60:].copy(), 255 - rgb):
            assert hash_distance(own, perceptual_hash(other)) > 8


def test_distance_by_hand() -> None:
    none, some = np.zeros(8, np.uint8), np.array([255, 1, 0, 0, 0, 0, 0, 128], np.uint8)
    assert hash_distance(none, some) == hash_distance(some, none) == 10
    assert hash_distance(some, some) == 0
    assert hash_distance(none, ~none) == 64
