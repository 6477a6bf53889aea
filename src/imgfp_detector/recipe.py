"""What a detector is trained by, in one typed value."""

from dataclasses import asdict, dataclass
from itertools import accumulate
from typing import Any

from imgfp.errors import InputError

NETWORKS = ("yolov5n", "yolov5s", "yolov5m", "yolov5l", "yolov5x")
OPTIMIZERS = ("AdamW", "SGD")


@dataclass(frozen=True)
class DetectorRecipe:
    """How a network learns.

    Attributes:
        network: One of ultralytics' packaged descriptions; today's anchor-free form of YOLOv5.
        weights: What it starts from: an export (.safetensors), or with `trust_weights` a .pt; None: from nothing.
        trust_weights: A .pt is a pickle, which may run any code when it is read.
        merge_classes: Learn where a picture is, and not which kind of paste it is.
        epochs, size: How many, and the side in pixels that pictures are fitted into; lists of one length go from small to large.
        batch: Pictures a step.
        optimizer, lr, weight_decay, warmup_epochs: As in ultralytics; the rate falls along a cosine.
        device: cpu, cuda, or auto: the GPU where torch can use one.
        seed: Same seed, same machine: same weights.
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
        for key in ("trust_weights", "merge_classes"):
            if not isinstance(getattr(self, key), bool):
                raise InputError(f"{key}={getattr(self, key)}: give true or false")
        for key in ("batch", "seed"):
            if type(getattr(self, key)) is not int:
                raise InputError(f"{key}={getattr(self, key)}: give a whole number")
        for key in ("lr", "weight_decay", "warmup_epochs"):
            if type(getattr(self, key)) not in (int, float):
                raise InputError(f"{key}={getattr(self, key)}: give a number")
        for key, allowed in (("network", NETWORKS), ("optimizer", OPTIMIZERS), ("device", ("auto", "cpu", "cuda"))):
            if getattr(self, key) not in allowed:
                raise InputError(f"{key}={getattr(self, key)!r}: give one of {', '.join(allowed)}")
        if len(self.epochs) != len(self.size) or not self.epochs or min(self.epochs) < 1:
            raise InputError(
                f"epochs={list(self.epochs)}, size={list(self.size)}: give one number each, or lists of one length, from 1 on"
            )
        if any(side < 64 or side % 32 for side in self.size) or list(self.size) != sorted(self.size):
            raise InputError(f"size={list(self.size)}: give multiples of 32 from 64 on, the largest last")
        if self.batch < 1 or not self.lr > 0 or self.weight_decay < 0 or self.warmup_epochs < 0:
            raise InputError(
                f"batch={self.batch}, lr={self.lr}, weight_decay={self.weight_decay}, warmup_epochs={self.warmup_epochs}: "
                "give a batch of 1 or more, a rate above 0, the others not below 0"
            )
        if self.weights and self.weights.endswith(".pt") and not self.trust_weights:
            raise InputError(
                f"weights={self.weights}: a .pt file can run any code when it is read: give trust_weights=true if you trust "
                "whoever made it, or a .safetensors export"
            )
        if self.weights and not self.weights.endswith((".pt", ".safetensors")):
            raise InputError(f"weights={self.weights}: give a .safetensors export, or a .pt with trust_weights=true")

    def side_at(self, epoch: int) -> int:
        """The side of pictures in an epoch, counted from 0."""
        return next(side for end, side in zip(accumulate(self.epochs), self.size, strict=True) if epoch < end)

    def as_plain(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}
