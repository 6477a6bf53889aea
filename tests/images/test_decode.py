"""Any image file to RGB; what cannot be read is a Failure with one line, never an exception."""

import io
import os
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgfp.images import Failure, read_rgb


def photo(height: int = 24, width: int = 40) -> np.ndarray:
    """Smooth, and different in every corner."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 200 // width + 20, y * 200 // height + 20, (x + y) * 2], axis=2).astype(np.uint8)


def saved(path: Path, image: Image.Image, **options) -> Path:
    image.save(path, **options)
    return path


def rgb_of(path: Path, smallest: int | None = None) -> np.ndarray:
    rgb = read_rgb(path, smallest)
    assert isinstance(rgb, np.ndarray), rgb
    assert rgb.dtype == np.uint8
    assert rgb.ndim == 3
    assert rgb.shape[2] == 3
    assert rgb.flags.c_contiguous
    return rgb


def failure_of(path: Path) -> Failure:
    failure = read_rgb(path)
    assert isinstance(failure, Failure)
    assert failure.path == path
    assert failure.reason
    assert "\n" not in failure.reason
    return failure


# --- modes ---


def test_rgb_is_as_it_is(tmp_path: Path) -> None:
    np.testing.assert_array_equal(rgb_of(saved(tmp_path / "a.png", Image.fromarray(photo()))), photo())


def test_gray_becomes_three_equal_channels(tmp_path: Path) -> None:
    gray = photo()[..., 0]
    rgb = rgb_of(saved(tmp_path / "a.png", Image.fromarray(gray)))
    np.testing.assert_array_equal(rgb, np.repeat(gray[..., None], 3, axis=2))


def test_16_bit_gray_is_scaled(tmp_path: Path) -> None:
    deep = np.array([[0, 128, 32768, 65535]], dtype=np.uint16)
    rgb = rgb_of(saved(tmp_path / "a.png", Image.fromarray(deep)))
    assert rgb[0, :, 0].tolist() == [0, 0, 128, 255]
    np.testing.assert_array_equal(rgb[..., 0], rgb[..., 2])


@pytest.mark.parametrize(("values", "wanted"), [([0.0, 0.5, 1.0], [0, 128, 255]), ([0.0, 100.0, 255.0], [0, 100, 255])])
def test_float_gray_by_its_range(tmp_path: Path, values: list[float], wanted: list[int]) -> None:
    image = Image.fromarray(np.array([values], dtype=np.float32))
    assert rgb_of(saved(tmp_path / "a.tif", image))[0, :, 0].tolist() == wanted


def test_black_and_white(tmp_path: Path) -> None:
    image = Image.fromarray(np.array([[0, 255]], dtype=np.uint8)).convert("1")
    assert rgb_of(saved(tmp_path / "a.png", image))[0].tolist() == [[0, 0, 0], [255, 255, 255]]


def test_cmyk_jpeg(tmp_path: Path) -> None:
    flat = Image.new("RGB", (16, 16), (200, 60, 20)).convert("CMYK")
    rgb = rgb_of(saved(tmp_path / "a.jpg", flat, quality=100))
    assert np.abs(rgb.astype(int) - (200, 60, 20)).max() <= 3


@pytest.mark.parametrize(
    ("mode", "pixels", "wanted"),
    [
        ("RGBA", [(255, 0, 0, 255), (255, 0, 0, 0), (0, 0, 0, 128)], [(255, 0, 0), (255, 255, 255), (127, 127, 127)]),
        ("LA", [(0, 255), (0, 0), (0, 128)], [(0, 0, 0), (255, 255, 255), (127, 127, 127)]),
    ],
)
def test_alpha_is_composited_over_white(tmp_path: Path, mode: str, pixels: list, wanted: list) -> None:
    image = Image.new(mode, (len(pixels), 1))
    image.putdata(pixels)
    assert [tuple(pixel) for pixel in rgb_of(saved(tmp_path / "a.png", image))[0].tolist()] == wanted


def test_palette_with_transparency_is_composited_over_white(tmp_path: Path) -> None:
    image = Image.new("P", (3, 1))
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    image.putdata([0, 1, 2])
    path = saved(tmp_path / "a.png", image, transparency=1)
    assert rgb_of(path)[0].tolist() == [[255, 0, 0], [255, 255, 255], [0, 0, 255]]


def test_first_frame_of_an_animation(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (8, 6), colour) for colour in ((250, 0, 0), (0, 250, 0), (0, 0, 250))]
    for name in ("a.gif", "a.webp", "a.png"):
        path = saved(tmp_path / name, frames[0], save_all=True, append_images=frames[1:])
        rgb = rgb_of(path)
        assert rgb.shape == (6, 8, 3), name
        assert np.abs(rgb.astype(int) - (250, 0, 0)).max() <= 6, name


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 50), (50, 1)])
@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp"])
def test_slivers(tmp_path: Path, height: int, width: int, suffix: str) -> None:
    path = saved(tmp_path / f"a.{suffix}", Image.fromarray(photo(height, width)))
    assert rgb_of(path).shape == (height, width, 3)
    assert rgb_of(path, smallest=64).shape == (height, width, 3)


def test_wrong_suffix_is_read_by_content(tmp_path: Path) -> None:
    saved(tmp_path / "a.png", Image.fromarray(photo()))
    (tmp_path / "a.png").rename(tmp_path / "a.jpg")
    np.testing.assert_array_equal(rgb_of(tmp_path / "a.jpg"), photo())


# --- EXIF orientation ---

STORED_AS = {  # how a camera of each orientation stores the upright image: the reverse of the turn when shown
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, 1),
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
    8: lambda a: np.rot90(a, -1),
}


def with_orientation(path: Path, array: np.ndarray, orientation: int) -> Path:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return saved(path, Image.fromarray(np.ascontiguousarray(array)), exif=exif)


@pytest.mark.parametrize("orientation", STORED_AS)
def test_orientation_is_applied(tmp_path: Path, orientation: int) -> None:
    path = with_orientation(tmp_path / "a.png", STORED_AS[orientation](photo()), orientation)
    np.testing.assert_array_equal(rgb_of(path), photo())


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_invalid_orientation_counts_as_upright(tmp_path: Path, orientation: int) -> None:
    path = with_orientation(tmp_path / "a.png", photo(), orientation)
    np.testing.assert_array_equal(rgb_of(path), photo())


@pytest.mark.parametrize(
    "block",
    [
        b"Exif\0\0garbage",
        b"Exif\0\0",
        b"Exif\0\0II*\0\xff\xff\xff\xff",
        # one entry, the orientation as text "x"
        b"Exif\0\0II*\0\x08\0\0\0\x01\0" + struct.pack("<HHI4s", 0x0112, 2, 2, b"x\0") + b"\0\0\0\0",
    ],
)
@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_garbage_exif_counts_as_none(tmp_path: Path, block: bytes) -> None:
    plain = saved(tmp_path / "plain.jpg", Image.fromarray(photo()), quality=95)
    odd = saved(tmp_path / "odd.jpg", Image.fromarray(photo()), quality=95, exif=block)
    np.testing.assert_array_equal(rgb_of(odd), rgb_of(plain))


# --- draft mode ---


@pytest.mark.parametrize(("height", "width"), [(600, 800), (601, 803), (250, 900), (64, 64)])
def test_draft_is_smaller_but_not_too_small(tmp_path: Path, height: int, width: int) -> None:
    path = saved(tmp_path / "a.jpg", Image.fromarray(photo(height, width)))
    small = rgb_of(path, smallest=64)
    assert min(small.shape[:2]) >= 64
    assert max(small.shape[:2]) <= width
    if min(height, width) >= 128:
        assert small.shape[0] < height
    assert rgb_of(path).shape == (height, width, 3)


def test_draft_keeps_the_orientation(tmp_path: Path) -> None:
    path = with_orientation(tmp_path / "a.jpg", photo(400, 640), 6)
    assert rgb_of(path, smallest=64).shape[0] > rgb_of(path, smallest=64).shape[1]


# --- failures ---


@pytest.mark.parametrize("suffix", ["jpg", "png", "gif", "webp", "tif", "bmp"])
def test_truncated_anywhere_is_a_failure_or_an_image_never_an_exception(tmp_path: Path, suffix: str) -> None:
    buffer = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 255, (40, 50, 3), dtype=np.uint8)
    Image.fromarray(noise).save(buffer, {"jpg": "JPEG", "tif": "TIFF"}.get(suffix, suffix.upper()))
    whole = buffer.getvalue()
    for tenth in range(1, 10):
        path = tmp_path / f"{tenth}.{suffix}"
        path.write_bytes(whole[: len(whole) * tenth // 10])
        assert "not a readable image" in failure_of(path).reason, tenth


def test_empty_file(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"")
    assert failure_of(tmp_path / "a.jpg").reason == "the file is empty"


def test_text_named_as_an_image(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_text("hello")
    reason = failure_of(tmp_path / "a.jpg").reason
    assert "not a readable image" in reason
    assert str(tmp_path) not in reason


def test_missing_file_broken_link_and_folder(tmp_path: Path) -> None:
    assert failure_of(tmp_path / "a.jpg").reason == "no such file"
    (tmp_path / "b.jpg").symlink_to(tmp_path / "nowhere.jpg")
    assert failure_of(tmp_path / "b.jpg").reason == "no such file"
    (tmp_path / "c.jpg").mkdir()
    failure_of(tmp_path / "c.jpg")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read every file")
def test_no_permission(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", Image.fromarray(photo()))
    path.chmod(0)
    assert failure_of(path).reason == "permission denied"


def test_heic_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic")
    assert "convert the file to JPEG" in failure_of(tmp_path / "a.heic").reason


@pytest.mark.parametrize(
    "limit", [24 * 40 - 1, 24 * 40 // 2 - 1]
)  # Pillow warns above once, raises above twice the limit
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_decompression_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    path = saved(tmp_path / "a.png", Image.fromarray(photo()))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    assert f"more than {limit} pixels: decompression bomb" in failure_of(path).reason
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 24 * 40)
    rgb_of(path)


def test_damaged_bytes_never_raise(tmp_path: Path) -> None:
    whole = saved(tmp_path / "a.png", Image.fromarray(photo())).read_bytes()
    generator = np.random.default_rng(1)
    failed = 0
    for number in range(60):
        damaged = bytearray(whole)
        damaged[int(generator.integers(len(whole)))] ^= int(generator.integers(1, 256))
        (tmp_path / f"{number}.png").write_bytes(damaged)
        failed += isinstance(read_rgb(tmp_path / f"{number}.png"), Failure)
    assert failed > 0
