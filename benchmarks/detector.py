"""Detectors of pasted images: accuracy on held-out scenes and hand-boxed queries, and speed."""

import csv
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # also as `python benchmarks/NAME.py`

from benchmarks._side_by_side import ROOT, alternate, keep, need, show
from imgfp.detection import (
    CROPS,
    Box,
    Detection,
    Finder,
    SynthesisConfig,
    choose_boxes,
    crop_rules,
    evaluate_boxes,
    make_scenes,
    open_finder,
    overlap,
    read_labels,
)
from imgfp.images import Failure, ImageList, read_rgb
from imgfp.threads import libraries_single_threaded, thread_count

SCENES, TIMED = 1000, 100
LONGEST = (256, 480)  # as the network was trained, and as queries are
SIZES = (160, 192, 256, 320, 416, 640)
HAND_BOXES = Path(__file__).with_name("isc_mini_boxes.csv")


def read(path: Path) -> np.ndarray:
    """One image."""
    rgb = read_rgb(path)
    assert not isinstance(rgb, Failure), rgb
    return rgb


def look(finder: Finder, images: Sequence[np.ndarray]) -> list[list[Detection]]:
    """Detections in each image, on every core."""
    with libraries_single_threaded(), ThreadPoolExecutor(thread_count()) as pool:
        return list(pool.map(finder, images))


def local_recall(
    found: Sequence[Sequence[Detection]], true: Sequence[Sequence[Box]], images: Sequence[np.ndarray]
) -> float:
    """Of the scenes with a box that imgFp's rules admit: the share in which preset `local` cuts out a true one."""
    rules, hits = CROPS["local"], []
    for items, boxes, image in zip(found, true, images, strict=True):
        height, width = image.shape[:2]
        if choose_boxes([Detection(box, 1.0) for box in boxes], width, height, rules):
            chosen = choose_boxes(items, width, height, rules)
            hits.append(any(overlap(item.box, box) >= 0.5 for item in chosen for box in boxes))
    return float(np.mean(hits))


def scenes(data: Path, longest: int) -> tuple[list[np.ndarray], list[tuple[Box, ...]]]:
    """Of isc-mini's references, which no training sees, by a seed that none uses."""
    folder = ROOT / "outputs" / "benchmarks" / f"detector_scenes_{longest}"
    make_scenes(ImageList.from_disc(data, "reference"), folder, SynthesisConfig(SCENES, 1, longest, 15))
    labelled = read_labels(folder, "train")
    return [read(path) for path, _ in labelled], [boxes for _, boxes in labelled]


def judge_on_scenes(
    finders: dict[str, Finder], longest: int, images: list[np.ndarray], true: list[tuple[Box, ...]]
) -> None:
    """Average precision at IoU 0.5, and what preset `local` cuts out."""
    print(f"\n{SCENES} scenes of photographs never trained on, longer side at most {longest} px")
    print(f"{'':<24}{'AP50':>8}{'true box cut by preset local':>32}")
    for name, finder in finders.items():
        found = look(finder, images)
        precision = evaluate_boxes(found, true).average_precision
        recall = local_recall(found, true, images)
        keep({"table": "scenes", "longest": longest, "finder": name, "ap50": precision, "local_recall": recall})
        print(f"{name:<24}{precision:>8.3f}{recall:>32.3f}")
        if name == "learned":
            need("AP50 at least 0.90 on held-out scenes", precision >= 0.90)
            need("preset local cuts out a true box in 0.92 of them", recall >= 0.92)


def judge_on_queries(finders: dict[str, Finder], data: Path) -> None:
    """60 queries of isc-mini, boxed by hand: 30 whose copy was pasted, 30 with nothing pasted."""
    boxes: dict[str, list[tuple[tuple[float, ...], bool]]] = {}
    with HAND_BOXES.open(newline="") as file:
        for row in csv.DictReader(file):
            own = boxes.setdefault(row["query_id"], [])
            if row["copy"]:
                own.append((tuple(float(row[key]) for key in ("left", "top", "right", "bottom")), row["copy"] == "yes"))
    print(f"\n{len(boxes)} queries of isc-mini boxed by hand")
    print(f"{'':<34}{'copies found, IoU 0.5':>24}{'false boxes, pasted':>22}{'nothing pasted':>16}")
    for name, finder in finders.items():
        for preset in ("local", "default"):
            rules = crop_rules(preset, finder)
            hits: list[bool] = []
            false: dict[bool, list[int]] = {True: [], False: []}
            for query, own in boxes.items():
                image = read(data / "query_images" / f"{query}.jpg")
                height, width = image.shape[:2]
                chosen = choose_boxes(finder(image), width, height, rules)
                true = [(Box(*np.multiply(box, [width, height, width, height]).tolist()), copy) for box, copy in own]
                if own:
                    hits.append(any(copy and overlap(item.box, box) >= 0.5 for item in chosen for box, copy in true))
                wrong = sum(all(overlap(item.box, box) < 0.5 for box, _ in true) for item in chosen)
                false[bool(own)].append(wrong)
            shown = [float(np.mean(values)) for values in (hits, false[True], false[False])]
            keep({"table": "hand-boxed", "finder": name, "preset": preset, "recall": shown[0], "false": shown[1:]})
            print(f"{f'{name}, preset {preset}':<34}{shown[0]:>24.3f}{shown[1]:>22.2f}{shown[2]:>16.2f}")


def compare_runtimes(images: list[np.ndarray], true: list[tuple[Box, ...]]) -> None:
    """Each size by ONNX Runtime and by plain torch, on every core, and the precision at each size."""
    import torch

    from imgfp_detector.finder import LearnedFinder, torch_model
    from imgfp_detector.weights import SHIPPED

    models: SimpleQueue[Any] = SimpleQueue()  # one per thread: a network keeps state of the current image
    for _ in range(thread_count()):
        models.put(torch_model(SHIPPED))

    class ByTorch(LearnedFinder):
        def forward(self, planes: np.ndarray) -> np.ndarray:
            model = models.get()
            with torch.inference_mode():
                found = np.asarray(model(torch.from_numpy(planes))[0])
            models.put(model)
            return found

    ways: dict[str, Any] = {}
    reached: dict[int, float] = {}
    for size in SIZES:
        for runtime, kind in (("ONNX Runtime", LearnedFinder), ("torch", ByTorch)):
            finder = kind(SHIPPED, size)
            ways[f"{runtime} at {size}"] = lambda finder=finder: look(finder, images[:TIMED])
            if runtime == "ONNX Runtime":
                reached[size] = evaluate_boxes(look(finder, images), true).average_precision
                keep({"table": "sizes", "size": size, "ap50": reached[size]})
                print(f"AP50 at {size}: {reached[size]:.4f}")
    fastest = min(size for size, precision in reached.items() if precision > max(reached.values()) - 0.01)
    need("the default is the smallest size that loses less than a point", LearnedFinder(SHIPPED).size == fastest)
    for way in ways.values():
        way()
    seconds = alternate(ways, rounds=3)
    for size in SIZES:
        pair = {name: value for name, value in seconds.items() if name.endswith(f" {size}")}
        show(f"boxes of {TIMED} images at {size} px", pair, f"torch at {size}", TIMED, "images")


def main() -> None:
    """Prints the tables."""
    data = Path(os.environ.get("IMGFP_DATA") or ROOT.parent / "shared" / "data" / "isc-mini")
    if not (data / "reference_images").is_dir():
        print(f"{data} is missing: nothing to evaluate")
        return
    finders = {name: open_finder(name) for name in ("classical", "learned")}
    made = {longest: scenes(data, longest) for longest in LONGEST}
    for longest, (images, true) in made.items():
        judge_on_scenes(finders, longest, images, true)
    judge_on_queries(finders, data)
    compare_runtimes(*made[LONGEST[-1]])


if __name__ == "__main__":
    main()
