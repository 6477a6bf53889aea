"""SIFT of files by worker processes: order kept, a bad file is a failure at its position."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgfp.images import Failure, read_rgb
from imgfp.local.features import transform_descriptors, transforms_for
from imgfp.local.sift.extract import SiftPool
from imgfp.local.sift.plane import luma_plane
from imgfp.local.sift.sift import SiftConfig, extract_sift


@pytest.fixture(scope="module")
def extracted(image_files: list[Path]):
    with SiftPool(SiftConfig(), workers=2) as pool:
        first = list(pool.extract(image_files))
        again = list(pool.extract(image_files[::-1]))
    return first, again


def test_order_and_missing_items(image_files: list[Path], extracted) -> None:
    for path, item in zip(image_files, extracted[0], strict=True):
        if path.name == "2.png":
            assert isinstance(item, Failure)
            assert item.path == path
            assert "not a readable image" in item.reason
            continue
        rgb = read_rgb(path)
        assert isinstance(rgb, np.ndarray)
        alone = extract_sift(rgb, SiftConfig())
        np.testing.assert_array_equal(item.keypoints, alone.keypoints)
        np.testing.assert_array_equal(item.descriptors, alone.descriptors)


def test_images_differ_and_the_flat_one_is_empty(extracted) -> None:
    counts = [len(item) if not isinstance(item, Failure) else None for item in extracted[0]]
    assert counts[2] is None
    assert counts[4] == 0
    assert all(count > 10 for place, count in enumerate(counts) if place not in (2, 4))
    assert len({count for count in counts if count is not None}) > 2


def test_second_use_of_the_pool_gives_the_same(extracted) -> None:
    for before, after in zip(extracted[0], extracted[1][::-1], strict=True):
        if isinstance(before, Failure):
            assert before == after
        else:
            np.testing.assert_array_equal(before.descriptors, after.descriptors)


def test_form_of_features(make_texture) -> None:
    rgb = make_texture(1, 400, 500)
    features = extract_sift(rgb, SiftConfig())
    assert features.keypoints.dtype == np.float32
    assert features.descriptors.dtype == np.uint8
    assert (features.height, features.width) == luma_plane(rgb, 300).shape
    x, y, sigma, theta = features.keypoints.T
    assert ((x > -1) & (x < features.width) & (y > -1) & (y < features.height)).all()
    assert (sigma > 0).all()
    assert (np.abs(theta) < 7).all()
    norms = (features.descriptors.astype(np.int64) ** 2).sum(1)
    assert np.median(np.abs(norms / 65025 - 1)) < 0.02


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 500), (11, 400), (12, 12), (13, 900)])
def test_slivers_have_no_or_few_keypoints(make_texture, height: int, width: int) -> None:
    features = extract_sift(make_texture(2, height, width), SiftConfig(least=0))
    assert features.descriptors.shape == (len(features), 128)
    if min(height, width) < 12:
        assert len(features) == 0


def test_too_few_keypoints_count_as_none(make_texture) -> None:
    rgb = make_texture(3)
    found = len(extract_sift(rgb, SiftConfig()))
    assert len(extract_sift(rgb, SiftConfig(least=found))) == found
    assert len(extract_sift(rgb, SiftConfig(least=found + 1))) == 0


def test_a_transform_applied_twice_changes_nothing() -> None:
    descriptors = np.random.default_rng(0).integers(0, 256, (9, 128), dtype=np.uint8)
    for transform in transforms_for(mirrored=True, inverted=True)[1:]:
        changed = transform_descriptors(descriptors, transform)
        np.testing.assert_array_equal(transform_descriptors(changed, transform), descriptors)
        assert (changed != descriptors).any()


def test_plane_is_limited_range_and_at_most_the_side(make_texture) -> None:
    black_and_white = np.zeros((20, 30, 3), np.uint8)
    black_and_white[:, 15:] = 255
    assert set(np.unique(luma_plane(black_and_white, 300))) == {16, 235}
    assert luma_plane(make_texture(0, 400, 600), 300).shape == (300, 450)


def test_a_script_without_a_main_guard_starts_workers(tmp_path: Path, make_texture) -> None:
    for seed in range(3):
        Image.fromarray(make_texture(seed, 120, 130)).save(tmp_path / f"{seed}.png")
    script = tmp_path / "script.py"
    script.write_text(
        "from pathlib import Path\n"
        "from imgfp.local.sift.extract import SiftPool\n"
        "from imgfp.local.sift.sift import SiftConfig\n"
        "print('started')\n"
        "paths = sorted(Path(__file__).parent.glob('*.png'))\n"
        "with SiftPool(SiftConfig(), workers=2) as pool:\n"
        "    print([type(item).__name__ for item in pool.extract(paths)])\n"
        "print(Path(__file__).name)\n"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == ["started", str(["LocalFeatures"] * 3), "script.py"]
