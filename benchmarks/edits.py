"""Edits alone: milliseconds per edit and images per second of each policy's views, one core, images in memory."""

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # also as `python benchmarks/NAME.py`

from benchmarks._side_by_side import ROOT, alternate, need, show
from imgfp.edits import (
    POLICIES,
    Edit,
    EditsConfig,
    Policy,
    apply_edits,
    augly_catalogue,
    catalogue,
    create_edits,
    draw,
    plain_name,
)
from imgfp.images import ImageList, read_rgb, resized
from imgfp.learning.data.sample_builder import WORKING

COUNT, ROUNDS = 60, 5
SIZE = 160  # pixels a side of a training view
LIMIT = round(WORKING * SIZE) ** 2  # pixels: the limit of an image while training edits it


def photographs() -> list[np.ndarray]:
    """Training photographs of isc-mini, all through the set, or synthetic ones where that is missing."""
    data = Path(os.environ.get("IMGFP_DATA") or ROOT.parent / "shared" / "data" / "isc-mini")
    if (data / "training_images").is_dir():
        paths = ImageList.from_disc(data, "training").paths
        decoded = [read_rgb(path) for path in paths[:: max(1, len(paths) // COUNT)][:COUNT]]
        return [image for image in decoded if isinstance(image, np.ndarray)]
    rng = np.random.default_rng(0)
    images = []
    for _ in range(COUNT):
        layers = [cv2.GaussianBlur(rng.normal(0, 1, (200, 256, 3)), (0, 0), s) * s * 60 for s in (1.5, 4, 12)]
        images.append(np.clip(128 + sum(layers), 0, 255).astype(np.uint8))
    return images


def edit_all(images: Sequence[np.ndarray], edit: Edit) -> None:
    """The edit of each image."""
    for number, image in enumerate(images):
        edit(image, np.random.default_rng(number))


def view_all(images: Sequence[np.ndarray], policy: Policy, edits: Mapping[str, Edit], limit: int | None) -> None:
    """A view of each image: edits drawn and applied, then resized to SIZE x SIZE."""
    for number, image in enumerate(images):
        rng = np.random.default_rng([1, number])
        edited = apply_edits(image, draw(policy, rng, edits), edits, rng, limit)
        resized(edited.image, SIZE)


def time_edits(images: Sequence[np.ndarray]) -> dict[str, float]:
    """Prints the table of single edits, the slowest first, AugLy's beside ours; gives milliseconds per image."""
    edits = catalogue(images) | augly_catalogue(images)
    ways: dict[str, Callable[[], None]] = {
        name: lambda edit=edit: edit_all(images, edit)  # type: ignore[misc]
        for name, edit in edits.items()
    }
    for way in ways.values():  # fonts, tables and AugLy's files, outside the clock
        way()
    took = {name: seconds * 1e3 / len(images) for name, seconds in alternate(ways, ROUNDS).items()}
    print(f"\n{'edit':<16}{'ms':>8}{'images/s':>10}{'AugLy: ms':>12}{'images/s':>10}")
    plain = {plain_name(name) for name in took}
    for name in sorted(plain, key=lambda name: -took.get(name, 0)):
        cells = [
            f"{took[key]:>{wide}.3f}{1e3 / took[key]:>10,.0f}" if key in took else f"{'-':>{wide}}{'-':>10}"
            for key, wide in ((name, 8), (f"augly_{name}", 12))
        ]
        print(f"{name:<16}{''.join(cells)}")
    return took


def time_views(images: Sequence[np.ndarray]) -> dict[str, float]:
    """Prints the table of policies; gives milliseconds a view."""
    large = [cv2.resize(image, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC) for image in images]
    weak, strong = create_edits(EditsConfig("weak"), images), create_edits(EditsConfig("strong"), images)
    ways: dict[str, Callable[[], None]] = {
        "no edit": lambda: view_all(images, Policy("none", 0, 0), {}, LIMIT),
        "weak": lambda: view_all(images, POLICIES["weak"], weak, LIMIT),
        "strong": lambda: view_all(images, POLICIES["strong"], strong, LIMIT),
        "strong, sides x 4": lambda: view_all(large, POLICIES["strong"], strong, LIMIT),
        "strong, sides x 4, not held": lambda: view_all(large, POLICIES["strong"], strong, None),
    }
    if augly_catalogue():
        augly = create_edits(EditsConfig("strong", augly=True), images)
        ways["strong, AugLy's too"] = lambda: view_all(images, POLICIES["strong"], augly, LIMIT)
    seconds = alternate(ways, 2 * ROUNDS)
    show(
        f"views of {SIZE} x {SIZE} pixels, held to {LIMIT:,} pixels on the way", seconds, "strong", len(images), "views"
    )
    return {name: value * 1e3 / len(images) for name, value in seconds.items()}


def main() -> None:
    """Prints both tables, and as JSON the milliseconds in them."""
    cv2.setNumThreads(1)
    images = photographs()
    shapes = np.array([image.shape[:2] for image in images])
    print(f"{len(images)} photographs of {shapes[:, 1].mean():.0f} x {shapes[:, 0].mean():.0f} pixels on average")
    edits, views = time_edits(images), time_views(images)
    need("a strong view takes at most 3 ms", views["strong"] <= 3)
    slow = [f"{name} {took:.1f} ms" for name, took in edits.items() if took > 10]
    need("no edit takes more than 10 ms" + (f": {', '.join(slow)}" if slow else ""), not slow)
    print(json.dumps({"edit_ms": edits, "view_ms": views}))


if __name__ == "__main__":
    main()
