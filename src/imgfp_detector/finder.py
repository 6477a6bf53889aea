"""Detects pasted images with a trained network in ONNX Runtime."""

import os
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from imgfp.detection import CLASSES, Box, Detection
from imgfp.errors import InputError
from imgfp.files import atomic_path, file_lock, hash_file
from imgfp.progress import announce
from imgfp_detector.library import detection_model
from imgfp_detector.weights import SHIPPED, fill, read_card

_GREY = 114  # letterbox padding, as in training
_MIN_CONFIDENCE = 0.05
_NMS_OVERLAP = 0.45  # intersection over union
_MAX_BOXES = 20
_VERSION = 2  # raise it whenever the same network would give other boxes
_EXPORT = 1  # raise it whenever the same weights would give another ONNX file


class LearnedFinder:
    """Detects boxes in one image per call; thread-safe."""

    name = "learned"

    def __init__(self, weights: Path = SHIPPED, size: int | None = None) -> None:
        """`size`: longer side of the network input in pixels; None: the training size.

        Raises:
            InputError: the weights cannot be used, or a required package is not installed.
        """
        self.card, self._weights = read_card(weights), weights
        self.size = size or int(self.card["size"])
        if self.size < 64 or self.size % 32:
            raise InputError(f"size={self.size}: must be a multiple of 32, >= 64")
        self.fingerprint = f"{self.card['network']} {self.card['sha256'][:12]} at {self.size} px, version {_VERSION}"
        self._session = _session(runtime_file(weights))

    def __reduce__(self) -> tuple[Any, tuple[Path, int]]:
        """Travels to another process as its file of weights."""
        return open_finder, (self._weights, self.size)

    def __call__(self, image: np.ndarray) -> list[Detection]:
        """The boxes of an (h, w, 3) uint8 RGB image, most confident first."""
        height, width = image.shape[:2]
        factor = self.size / max(height, width)
        across, down = max(1, round(width * factor)), max(1, round(height * factor))
        way = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
        page, left, top = _on_grey(cv2.resize(image, (across, down), interpolation=way))
        planes = page.transpose(2, 0, 1)[None].astype(np.float32) / 255
        found = self.forward(planes)[0]  # (4 + classes, positions): centre, size, class scores
        confidence, labels = found[4:].max(axis=0), found[4:].argmax(axis=0)
        rows = np.flatnonzero(confidence >= _MIN_CONFIDENCE)
        centre, size = found[:2, rows].T - (left, top), found[2:4, rows].T
        corners = np.concatenate([centre - size / 2, size], axis=1) / np.tile([across / width, down / height], 2)
        kept = cv2.dnn.NMSBoxes(corners.tolist(), confidence[rows].tolist(), _MIN_CONFIDENCE, _NMS_OVERLAP)
        boxes = []
        for place in np.asarray(kept, int).reshape(-1).tolist():
            x, y, w, h = corners[place].tolist()
            box = Box(x, y, x + w, y + h, self._label(int(labels[rows[place]]))).inside(width, height)
            boxes.append(Detection(box, float(confidence[rows[place]])))
        return sorted(boxes, key=lambda item: -item.confidence)[:_MAX_BOXES]

    def forward(self, planes: np.ndarray) -> np.ndarray:
        """(n, 3, h, w) float32 in 0..1 to (n, 4 + classes, positions)."""
        found: np.ndarray = self._session.run(None, {"images": planes})[0]
        return found

    def _label(self, number: int) -> str:
        name = str(self.card["classes"][number])
        return name if name in CLASSES else CLASSES[0]


@cache
def open_finder(weights: Path = SHIPPED, size: int | None = None) -> LearnedFinder:
    """The detector with these weights, cached."""
    return LearnedFinder(weights, size)


def runtime_file(weights: Path) -> Path:
    """The ONNX file of the weights in single precision, exported on first use and stored in the user's cache.

    Raises:
        InputError: the weights cannot be used, or ultralytics is not installed.
    """
    card = read_card(weights)
    path = _cache_folder() / f"detector-{card['sha256'][:16]}-{_EXPORT}.onnx"
    mark = path.with_suffix(".sha256")
    with file_lock(path.with_suffix(".lock")):  # only one process exports it
        if not (path.is_file() and mark.is_file() and mark.read_text() == hash_file(path)):
            announce(f"detector: exporting {weights.name} for ONNX Runtime, once, to {path}")
            model = torch_model(weights)
            with atomic_path(path) as temporary:
                _export(model, card["size"], temporary)
            with atomic_path(mark) as temporary:
                temporary.write_text(hash_file(path))
    return path


def torch_model(weights: Path) -> Any:
    """The network with these weights as a torch module, in eval mode.

    Raises:
        InputError: as `runtime_file`.
    """
    card = read_card(weights)
    model = detection_model(_cache_folder() / "ultralytics", card["network"], len(card["classes"]))
    fill(model, weights, tuple(card["classes"]), card["network"])
    return model.eval().fuse(verbose=False)


def _cache_folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "imgfp"


def _export(model: Any, size: int, path: Path) -> None:
    import torch

    head = model.model[-1]
    head.export, head.dynamic, head.format = True, True, "onnx"
    axes = {"images": {0: "batch", 2: "height", 3: "width"}, "output0": {0: "batch", 2: "places"}}
    with warnings.catch_warnings():
        # the tracing exporter is deprecated, but its successor needs another package
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", torch.jit.TracerWarning)
        torch.onnx.export(
            model,
            (torch.zeros(1, 3, size, size),),
            str(path),
            dynamo=False,
            opset_version=17,
            input_names=["images"],
            output_names=["output0"],
            dynamic_axes=axes,
        )


def _session(path: Path) -> Any:
    try:
        import onnxruntime
    except ModuleNotFoundError:
        raise InputError("the detector needs the package onnxruntime, which is not installed: run 'make env'") from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # our own threads run in parallel
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _on_grey(image: np.ndarray) -> tuple[np.ndarray, int, int]:
    """The image centred on a grey canvas whose sides are multiples of 32, and its left and top offset."""
    height, width = image.shape[:2]
    across, down = -(-width // 32) * 32, -(-height // 32) * 32
    left, top = (across - width) // 2, (down - height) // 2
    page = np.full((down, across, 3), _GREY, np.uint8)
    page[top : top + height, left : left + width] = image
    return page, left, top
