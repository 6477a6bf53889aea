"""The training recipe of a detector."""

from dataclasses import asdict, dataclass
from itertools import accumulate
from typing import Any

from imgfp.errors import InputError

NETWORKS = ("yolov5n", "yolov5s", "yolov5m", "yolov5l", "yolov5x")
OPTIMIZERS = ("AdamW", "SGD")


@dataclass(frozen=True)
class DetectorRecipe:
    """Training settings of a detector.

    Attributes:
        network: A model config bundled with ultralytics: the anchor-free version of YOLOv5.
        weights: Initial weights: an export (.safetensors), or a .pt with `trust_weights`; None: train from scratch.
        trust_weights: Allow .pt files, which are pickles and may run arbitrary code when loaded.
        merge_classes: Train a single class instead of one class per kind of paste.
        epochs, size: Epochs, and input size in pixels; lists of equal length for progressive resizing, in ascending order.
        batch: Images per step.
        optimizer, lr, weight_decay, warmup_epochs: As in ultralytics, with a cosine learning rate schedule.
        device: cpu, cuda, or auto: a GPU if torch can use one.
        seed: The same seed on the same machine gives the same weights.
    """

    network: str = "yolov5n"
    weights: str | None = None
    trust_weights: bool = False
    merge_classes: bool = True
    epochs: tuple[int, ...] = (12,)
    size: tuple[int, ...] = (320,)
    batch: int = 16
    optimizer: str = "AdamW"
    lr: float = 0.002
    weight_decay: float = 0.0005
    warmup_epochs: float = 0.5
    device: str = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        for key, allowed in (("network", NETWORKS), ("optimizer", OPTIMIZERS), ("device", ("auto", "cpu", "cuda"))):
            if getattr(self, key) not in allowed:
                raise InputError(f"{key}={getattr(self, key)!r}: must be one of {', '.join(allowed)}")
        if len(self.epochs) != len(self.size) or not self.epochs or min(self.epochs) < 1:
            raise InputError(
                f"epochs={list(self.epochs)}, size={list(self.size)}: give one number each, or lists of equal length; epochs >= 1"
            )
        if any(side < 64 or side % 32 for side in self.size) or list(self.size) != sorted(self.size):
            raise InputError(f"size={list(self.size)}: must be multiples of 32, >= 64, in ascending order")
        if self.batch < 1 or not self.lr > 0 or self.weight_decay < 0 or self.warmup_epochs < 0:
            raise InputError(
                f"batch={self.batch}, lr={self.lr}, weight_decay={self.weight_decay}, warmup_epochs={self.warmup_epochs}: "
                "must be batch >= 1, lr > 0, the others >= 0"
            )
        if self.weights and self.weights.endswith(".pt") and not self.trust_weights:
            raise InputError(
                f"weights={self.weights}: loading a .pt file can run arbitrary code: set trust_weights=true if you trust "
                "its source, or give a .safetensors export"
            )
        if self.weights and not self.weights.endswith((".pt", ".safetensors")):
            raise InputError(
                f"weights={self.weights}: give a .safetensors export, or a .pt file with trust_weights=true"
            )

    def side_at(self, epoch: int) -> int:
        """The input size in an epoch, counted from 0."""
        return next(side for end, side in zip(accumulate(self.epochs), self.size, strict=True) if epoch < end)

    def as_plain(self) -> dict[str, Any]:
        """The fields as plain JSON values."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}
