"""Synthetic scenes: their boxes are where the images are, and the same seed gives the same bytes."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgfp.detection import KINDS, Box, Scenes, SynthesisConfig, draw_kind, make_scenes, overlap, read_labels
from imgfp.errors import InputError
from imgfp.images import ImageList, read_rgb


@pytest.fixture(scope="module")
def pool() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (int(h), int(w), 3), dtype=np.uint8) for h, w in rng.integers(120, 400, (8, 2))]


@pytest.mark.parametrize("kind", KINDS)
def test_boxes_are_within_their_scene(pool, kind: str) -> None:
    scenes = Scenes(pool, 320)
    for seed in range(25):
        scene = scenes.make(kind, np.random.default_rng(seed))
        height, width = scene.image.shape[:2]
        assert scene.image.dtype == np.uint8
        assert max(height, width) <= 320
        assert scene.kind == kind
        for box in scene.boxes:
            assert box.inside(width, height) == box
            assert min(box.right - box.left, box.bottom - box.top) >= 8
            assert box.label == {"screenshot": "screenshot_content", "collage": "collage_tile"}.get(kind, "overlay")
        counts = {"nothing": {0}, "collage": {2, 3, 4}, "on_photograph": {1, 2}}.get(kind, {1})
        assert len(scene.boxes) in counts
        assert all(overlap(a, b) < 0.01 for i, a in enumerate(scene.boxes) for b in scene.boxes[:i])


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "nothing"])
def test_a_box_is_where_its_image_is(pool, kind: str, monkeypatch) -> None:
    """Every pasted image is magenta, and nothing else is."""
    magenta, green = (np.full((160, 200, 3), colour, np.uint8) for colour in ((255, 0, 255), (0, 90, 0)))
    monkeypatch.setattr(Scenes, "_content", lambda self, rng: magenta)
    monkeypatch.setattr(Scenes, "_photograph", lambda self, rng: green)
    monkeypatch.setattr("imgfp.detection.scenes.plain_background", lambda w, h, rng: np.zeros((h, w, 3), np.uint8))
    monkeypatch.setattr("imgfp.detection.scenes.apply_edits", lambda image, *rest: type("Same", (), {"image": image}))
    scenes, seen = Scenes(pool, 320), 0
    monkeypatch.setitem(scenes._edits, "pad_square", scenes._edits["pad"])  # may pad with a blurred copy
    for seed in range(12):
        scene = scenes.make(kind, np.random.default_rng(seed))
        if len(scene.boxes) != 1 and kind != "collage":
            continue
        shown = (np.abs(scene.image.astype(int) - (255, 0, 255)) < 70).all(axis=2)
        ys, xs = np.nonzero(shown)
        found = Box(xs.min(), ys.min(), xs.max() + 1, ys.max() + 1)
        sides = np.array([[box.left, box.top, box.right, box.bottom] for box in scene.boxes])
        expected = Box(*sides[:, :2].min(axis=0).tolist(), *sides[:, 2:].max(axis=0).tolist())
        assert overlap(found, expected) > 0.93, seed
        seen += 1
    assert seen > 5


def test_the_box_is_around_the_image_and_not_the_bars(pool, monkeypatch) -> None:
    magenta = np.full((160, 200, 3), (255, 0, 255), np.uint8)
    monkeypatch.setattr(Scenes, "_content", lambda self, rng: magenta)
    scenes, barred = Scenes(pool, 320), 0
    for seed in range(60):
        image, box = scenes._shown(np.random.default_rng(seed))
        left, top, right, bottom = (round(side) for side in (box.left, box.top, box.right, box.bottom))
        inside = np.zeros(image.shape[:2], bool)
        inside[top:bottom, left:right] = True
        assert (image[inside] == (255, 0, 255)).all(axis=1).mean() > 0.99
        assert not (image[~inside] == (255, 0, 255)).all(axis=1).any()
        barred += (right - left, bottom - top) != image.shape[1::-1]
    assert 6 <= barred <= 30


def test_a_thin_image_has_its_box_too(pool, monkeypatch) -> None:
    """Its short side is rounded up: the box follows."""
    thin = np.full((16, 256, 3), (255, 0, 255), np.uint8)
    monkeypatch.setattr(Scenes, "_shown", lambda self, rng: (thin, Box(0, 0, 256, 16)))
    scenes, ground, seen = Scenes(pool, 320), np.zeros((200, 200, 3), np.uint8), 0
    for seed in range(20):
        image, boxes = scenes._paste(ground, np.random.default_rng(seed), 1)
        ys, xs = np.nonzero(image[..., 0] > 150)  # not quite opaque, sometimes
        (box,) = boxes
        if not (image[..., 1] > 0).any():  # no border
            assert overlap(Box(xs.min(), ys.min(), xs.max() + 1, ys.max() + 1), box) > 0.99
            seen += 1
    assert seen > 10


def test_kinds_are_drawn_as_often_as_they_say() -> None:
    rng = np.random.default_rng(1)
    drawn = [draw_kind(rng) for _ in range(4000)]
    assert sum(KINDS.values()) == pytest.approx(1)
    for kind, share in KINDS.items():
        assert drawn.count(kind) / 4000 == pytest.approx(share, abs=0.03)


@pytest.fixture
def photographs(pool, tmp_path: Path) -> ImageList:
    (tmp_path / "photographs").mkdir()
    for number, image in enumerate(pool):
        Image.fromarray(image).save(tmp_path / "photographs" / f"P{number}.png")
    (tmp_path / "photographs" / "P3.png").write_bytes(b"not an image")
    return ImageList.from_folder(tmp_path / "photographs")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_set_is_made_resumed_and_read(photographs, tmp_path) -> None:
    config = SynthesisConfig(size=10, held_out=4, longest=160)
    make_scenes(photographs, tmp_path / "one", config)
    first = contents(tmp_path / "one")
    (tmp_path / "one" / "scenes.csv").unlink()
    (tmp_path / "one" / "labels" / "train" / "000007.txt").unlink()
    make_scenes(photographs, tmp_path / "one", config)
    assert contents(tmp_path / "one") == first
    labels = read_labels(tmp_path / "one", "train")
    assert [path.name for path, _ in labels] == [f"{number:06d}.jpg" for number in range(10)]
    with (tmp_path / "one" / "scenes.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["boxes"]) for row in rows if row["split"] == "train"] == [len(boxes) for _, boxes in labels]
    assert len(read_labels(tmp_path / "one", "val")) == 4
    assert isinstance(read_rgb(labels[0][0]), np.ndarray)
    make_scenes(photographs, tmp_path / "two", SynthesisConfig(size=10, held_out=4, longest=160, seed=1))
    assert contents(tmp_path / "two") != first


def test_impossible_or_unreadable_sets(photographs, tmp_path) -> None:
    few = ImageList(photographs.root, photographs.ids[:3], photographs.paths[:3])
    with pytest.raises(InputError, match=r"3 photographs: scenes need at least 4"):
        make_scenes(few, tmp_path / "out", SynthesisConfig(size=2, held_out=1))
    with pytest.raises(InputError, match=r"^size=0, held_out=1, longest=256: must be >= 1"):
        make_scenes(photographs, tmp_path / "out", SynthesisConfig(size=0, held_out=1))
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match=r"other: exists and is not a set of scenes"):
        make_scenes(photographs, tmp_path / "other", SynthesisConfig(size=2, held_out=1))
    make_scenes(photographs, tmp_path / "out", SynthesisConfig(size=2, held_out=1, longest=64))
    with pytest.raises(InputError, match=r"out was generated with size = 2, not 3: use another folder"):
        make_scenes(photographs, tmp_path / "out", SynthesisConfig(size=3, held_out=1, longest=64))
    (tmp_path / "out" / "labels" / "train" / "000001.txt").unlink()
    with pytest.raises(InputError, match=r"000001\.txt: missing: delete .* and generate the scenes again$"):
        read_labels(tmp_path / "out", "train")
