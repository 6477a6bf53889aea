"""A list of images to rows: a bad image is missing and changes no other row."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgfp.descriptors import encode_images
from imgfp.descriptors.encode import BATCH


class MeanColours:
    """An encoder whose rows state an image's position in its batch and the batch size."""

    name, dim, size = "mean-colours", 5, 32

    def __init__(self) -> None:
        self.batches: list[int] = []

    def encode(self, batch: np.ndarray) -> np.ndarray:
        assert batch.shape[1:] == (self.size, self.size, 3)
        assert batch.dtype == np.uint8
        self.batches.append(len(batch))
        place = np.arange(len(batch))[:, None]
        return np.hstack([batch.mean(axis=(1, 2)), place, np.full_like(place, len(batch))]).astype(np.float32)


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    for number in range(BATCH + 8):
        Image.new("RGB", (40 + number, 50), (number * 5, 100, 200 - number)).save(tmp_path / f"{number:02d}.png")
    return sorted(tmp_path.iterdir())


def test_rows_are_in_order(paths: list[Path]) -> None:
    encoder = MeanColours()
    matrix, readable, failures = encode_images(paths, encoder)
    assert matrix.shape == (len(paths), 5)
    assert readable.all()
    assert failures == []
    assert matrix[:, 0].tolist() == [number * 5 for number in range(len(paths))]
    assert encoder.batches == [BATCH, 8]


@pytest.mark.parametrize("bad", [[0], [3, 4, 31], [32], [39], list(range(32)), list(range(40))])
def test_unreadable_images_change_no_other_row(paths: list[Path], bad: list[int]) -> None:
    whole, _, _ = encode_images(paths, MeanColours())
    for number in bad:
        paths[number].write_bytes(b"not an image")
    matrix, readable, failures = encode_images(paths, MeanColours())
    assert np.flatnonzero(~readable).tolist() == bad
    assert [failure.path for failure in failures] == [paths[number] for number in bad]
    np.testing.assert_array_equal(matrix, whole[readable])


def test_no_image(paths: list[Path]) -> None:
    matrix, readable, failures = encode_images([], MeanColours())
    assert (matrix.shape, readable.shape, failures) == ((0, 5), (0,), [])


def test_real_encoder_with_an_unreadable_image(tmp_path: Path) -> None:
    from imgfp.encoders import EncoderConfig, create_encoder

    encoder = create_encoder(EncoderConfig(size=96))
    rng = np.random.default_rng(0)
    listed = []
    for number in range(3):
        listed.append(tmp_path / f"{number}.jpg")
        Image.fromarray(rng.integers(0, 256, (120, 300, 3), dtype=np.uint8)).save(listed[-1])
    whole, _, _ = encode_images(listed, encoder)
    listed[1].write_bytes(listed[1].read_bytes()[:500])
    rest, readable, failures = encode_images(listed, encoder)
    assert readable.tolist() == [True, False, True]
    assert len(failures) == 1
    np.testing.assert_array_equal(rest, whole[[0, 2]])
