"""Weights and their card, the ONNX file that is made of them once, and boxes in the pixels of the image."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from imgfp.detection import Box, Scenes, open_finder, overlap
from imgfp.errors import InputError
from imgfp_detector.finder import LearnedFinder, runtime_file, torch_model
from imgfp_detector.library import detection_model
from imgfp_detector.weights import SHIPPED, fill, read_card, write_weights


@pytest.fixture(scope="module")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export of a network that has learned nothing."""
    folder = tmp_path_factory.mktemp("untrained")
    torch.manual_seed(0)
    path = folder / "untrained.safetensors"
    card = {"network": "yolov5n", "classes": ["picture"], "size": 64}
    write_weights(detection_model(folder / "settings", "yolov5n", 1), path, card)
    return path


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the runtime files lie: each is exported once for all tests here."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        yield folder / "imgfp"


def test_the_runtime_file_is_made_once_and_gives_what_torch_gives(untrained: Path, cache: Path) -> None:
    made = runtime_file(untrained)
    assert made.parent == cache
    assert made.stat().st_size > 1000
    first = made.stat().st_mtime_ns
    finder = LearnedFinder(untrained)
    assert made.stat().st_mtime_ns == first, "not exported again"
    planes = np.random.default_rng(0).random((1, 3, 64, 96), np.float32)
    with torch.inference_mode():
        expected = torch_model(untrained)(torch.from_numpy(planes))[0].numpy()
    assert finder.forward(planes) == pytest.approx(expected, abs=2e-3)
    made.write_bytes(b"damaged")
    assert runtime_file(untrained).stat().st_size > 1000, "a damaged one is made again"


def test_weights_and_card_must_belong_together(untrained: Path, tmp_path: Path) -> None:
    path = tmp_path / "copy.safetensors"
    with pytest.raises(
        InputError, match=r"copy\.safetensors: no such file: an export consists of a \.safetensors file and"
    ):
        read_card(path)
    path.write_bytes(untrained.read_bytes())
    with pytest.raises(InputError, match=r"copy\.json: no such file"):
        read_card(path)
    card = json.loads(untrained.with_suffix(".json").read_text())
    for change, message in (
        ({"sha256": "0" * 64}, r"does not match the checksum in copy\.json"),
        ({"schema": 99}, "schema 99 is not supported, expected 1"),
        ({"network": "resnet"}, "incomplete model card of a detector"),
        ({"classes": "picture"}, "incomplete model card of a detector"),
        ({"size": 0}, "incomplete model card of a detector"),
        ({"size": 3_200_000}, "incomplete model card of a detector"),
    ):
        path.with_suffix(".json").write_text(json.dumps(card | change))
        with pytest.raises(InputError, match=message):
            read_card(path)
    for lacking in ("schema", "sha256", "classes"):
        path.with_suffix(".json").write_text(json.dumps({key: card[key] for key in card if key != lacking}))
        with pytest.raises(InputError, match="incomplete model card of a detector"):
            read_card(path)


def test_weights_of_a_different_class_list(untrained: Path, tmp_path: Path) -> None:
    model = detection_model(tmp_path, "yolov5n", 3)
    with pytest.raises(InputError, match=r"weights for classes \['picture'\], not \['overlay', 'a', 'b'\]: use other"):
        fill(model, untrained, ("overlay", "a", "b"), "yolov5n")
    with pytest.raises(InputError, match="weights for network yolov5n, not yolov5s"):
        fill(model, untrained, ("picture",), "yolov5s")


def test_a_size_that_the_network_cannot_take(untrained: Path) -> None:
    with pytest.raises(InputError, match=r"^size=100: must be a multiple of 32, >= 64$"):
        LearnedFinder(untrained, 100)


def test_the_shipped_weights_find_what_was_pasted(cache: Path) -> None:
    card = read_card(SHIPPED)
    assert SHIPPED.stat().st_size <= 8e6
    assert {"data", "command", "figures", "recipe"} <= card.keys()
    rng = np.random.default_rng(5)
    pool = [_photograph(rng, 200 + 20 * n, 300) for n in range(6)]
    finder, scenes = open_finder("learned"), Scenes(pool)
    hits = total = 0
    for seed in range(24):
        scene = scenes.make("on_background", np.random.default_rng([9, seed]))
        found = finder(scene.image)
        assert found == sorted(found, key=lambda item: -item.confidence)
        total += len(scene.boxes)
        hits += sum(any(overlap(item.box, box) > 0.5 for item in found[:3]) for box in scene.boxes)
    assert hits >= 0.7 * total


def test_small_and_long_images(untrained: Path) -> None:
    finder = LearnedFinder(untrained)
    for height, width in ((1, 1), (1, 40), (7, 300), (33, 31)):
        for item in finder(np.full((height, width, 3), 200, np.uint8)):
            assert item.box == Box.inside(item.box, width, height)


def _photograph(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    import cv2

    layers = [cv2.GaussianBlur(rng.normal(0, 1, (height, width, 3)), (0, 0), s) * s * 50 for s in (2, 6, 20)]
    return np.clip(128 + sum(layers), 0, 255).astype(np.uint8)


def test_one_strong_match_does_not_displace_others(untrained: Path, monkeypatch) -> None:
    """Dozens of boxes for one image: only the most confident counts, and a less certain image is found too."""
    finder = LearnedFinder(untrained)
    rows = [[20.0 + n / 100, 20.0, 20.0, 20.0, 0.9 - n / 1000] for n in range(60)] + [[48.0, 48.0, 16.0, 16.0, 0.3]]
    monkeypatch.setattr(LearnedFinder, "forward", lambda self, planes: np.array([rows], np.float32).transpose(0, 2, 1))
    found = finder(np.zeros((64, 64, 3), np.uint8))
    assert [round(item.confidence, 3) for item in found] == [0.9, 0.3]
    assert (found[1].box.left, found[1].box.bottom) == pytest.approx((40, 56))
