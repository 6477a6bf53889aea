"""MIRorR's network input pixel by pixel, and how files are read for it."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgfp.errors import InputError
from imgfp.mirror.preprocess import (
    MEAN,
    check_crop,
    crop_input,
    network_inputs,
    read_source,
    resized_shape,
    whole_input,
)


@pytest.mark.parametrize(("height", "width", "size"), [(31, 50, 20), (60, 41, 33), (7, 5, 16)])
def test_crop_pixel_by_pixel(height: int, width: int, size: int) -> None:
    rgb = np.random.default_rng(height).integers(0, 256, (height, width, 3), dtype=np.uint8)
    resized = resized_shape(height, width, size)
    got = crop_input(rgb, size)
    scales = [np.float32(side) / np.float32(other) for side, other in zip((height, width), resized, strict=True)]
    for y in range(size):
        for x in range(size):
            sources = [
                np.float32(place + (other - size) // 2) * scale
                for place, other, scale in zip((y, x), resized, scales, strict=True)
            ]
            (top, left), (down, across) = zip(
                *((int(item), item - np.float32(int(item))) for item in sources), strict=True
            )
            bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
            pixels = rgb.astype(np.float32)
            rows = [pixels[row, left] + (pixels[row, right] - pixels[row, left]) * across for row in (top, bottom)]
            wanted = rows[0] + (rows[1] - rows[0]) * down - MEAN
            assert np.array_equal(got[y, x], wanted), (y, x)


def test_short_side_may_be_one_pixel_longer() -> None:
    assert resized_shape(1052, 93, 224) == (2534, 225)


def test_smaller_scales_take_every_second_and_fourth_pixel() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    scales = network_inputs(rgb, 896, crops=True, multi_scale=True)
    assert [len(scale) for scale in scales] == [896, 448, 224]
    assert np.array_equal(scales[2], scales[0][::4, ::4])


def test_exif_and_alpha(tmp_path: Path) -> None:
    """Ignored and dropped for a crop; applied and put over white for the whole image."""
    pixels = np.zeros((6, 4, 4), np.uint8)
    pixels[..., 0] = np.arange(24).reshape(6, 4)
    rotated = Image.Exif()
    rotated[0x0112] = 6
    Image.fromarray(pixels).save(tmp_path / "photo.png", exif=rotated)
    stored = read_source(tmp_path / "photo.png", 64, crops=True)
    assert isinstance(stored, np.ndarray)
    assert np.array_equal(stored, pixels[..., :3])
    whole = read_source(tmp_path / "photo.png", 64, crops=False)
    assert isinstance(whole, np.ndarray)
    assert whole.shape == (4, 6, 3)
    assert (whole == 255).all()


def test_whole_image_keeps_its_shape() -> None:
    assert whole_input(np.zeros((300, 400, 3), np.uint8), 640).shape == (480, 640, 3)
    assert whole_input(np.zeros((2, 4000, 3), np.uint8), 640).shape == (1, 640, 3)


@pytest.mark.parametrize(
    ("size", "multi_scale", "message"),
    [(192, False, "img-size 192: too small .* use 193 or more"), (512, True, "multi-scale does not exist .* 512")],
)
def test_sizes_that_do_not_exist(size: int, multi_scale: bool, message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_crop(size, multi_scale)
