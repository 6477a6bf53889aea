"""A whole training recipe in one value: it identifies a run, and the model cards hold it."""

from dataclasses import asdict, dataclass, field
from typing import Any

from imgfp.edits import EditsConfig
from imgfp.encoders import CustomNetworkConfig, NetworkConfig
from imgfp.errors import InputError
from imgfp.files import hash_value
from imgfp.learning.config import (
    AdamWConfig,
    ConstantConfig,
    OptimizerConfig,
    ScheduleConfig,
    TrainerConfig,
    ValidationConfig,
)
from imgfp.learning.data import PairsConfig
from imgfp.learning.losses import ContrastiveConfig, CustomLossConfig, LossConfig

# no effect on the weights: may differ when a run resumes; how many processes train is in the name of the run's folder
_FREE = {
    "pairs": ("workers",),
    "validation": ("keep",),
    "trainer": ("devices", "gradient_checkpointing", "profile"),
}
# left out where they are not set: runs that are older than these keys keep their fingerprints
_ADDED: dict[str, dict[str, Any]] = {
    "network": {"pretrained": None},
    "pairs": {"limit_batches": None, "overfit_batches": 0},
    "validation": {"limit": None},
}


@dataclass(frozen=True)
class Recipe:
    """Everything that determines the trained weights.

    Attributes:
        epochs: Length of each stage; an epoch shows every training photograph once, with ground truth every true pair
            once and as many photographs.
        size: Image side of each stage in pixels, one for each of `epochs` (progressive resizing).
        head: How the head of a network is initialised: "random", or "pca" of the pooled features of training photographs.
    """

    network: NetworkConfig | CustomNetworkConfig = field(default_factory=NetworkConfig)
    loss: LossConfig = field(default_factory=ContrastiveConfig)
    optimizer: OptimizerConfig = field(default_factory=AdamWConfig)
    schedule: ScheduleConfig = field(default_factory=ConstantConfig)
    edits: EditsConfig = field(default_factory=EditsConfig)
    pairs: PairsConfig = field(default_factory=PairsConfig)
    trainer: TrainerConfig = field(default_factory=TrainerConfig)
    validation: ValidationConfig = field(default_factory=ValidationConfig)
    epochs: tuple[int, ...] = (200,)
    size: tuple[int, ...] = (224,)
    head: str = "random"
    seed: int = 0

    def __post_init__(self) -> None:
        if len(self.epochs) != len(self.size):
            raise InputError(
                f"epochs={list(self.epochs)} has {len(self.epochs)} stages, size={list(self.size)} has "
                f"{len(self.size)}: give one size per stage"
            )
        for key, values, least in (("epochs", self.epochs, 1), ("size", self.size, 32)):
            if not values or min(values) < least:
                raise InputError(f"{key}={list(values)}: must be >= {least} in every stage")
        if self.head not in ("random", "pca"):
            raise InputError(f"head={self.head!r}: must be one of random, pca")
        if self.head == "pca" and isinstance(self.network, CustomNetworkConfig):
            raise InputError(f"head='pca' is for imgfp's head, and {self.network.target} has its own: set head=random")
        if self.head == "pca" and not self.network.dim:
            raise InputError("head='pca' has no effect with network.dim=0, which has no head: omit it")
        if self.seed < 0:
            raise InputError(f"seed={self.seed}: must be >= 0")
        if self.schedule.warmup_epochs > self.total_epochs:
            raise InputError(
                f"schedule.warmup_epochs={self.schedule.warmup_epochs} is longer than the run ({self.total_epochs} "
                "epochs): must not be longer"
            )

    @property
    def total_epochs(self) -> int:
        """Epochs of all stages."""
        return sum(self.epochs)

    def size_of_epoch(self, epoch: int) -> int:
        """Image side in pixels in an epoch, counted from 0; beyond the end that of the last stage."""
        for length, size in zip(self.epochs, self.size, strict=True):
            if epoch < length:
                return size
            epoch -= length
        return self.size[-1]

    def as_plain(self) -> dict[str, Any]:
        """Plain numbers, texts, lists and dicts; parts of several kinds have a `kind`."""
        plain = asdict(self)
        for part in ("loss", "optimizer", "schedule"):
            plain[part] = {"kind": type(getattr(self, part)).__name__.removesuffix("Config"), **plain[part]}
        for part, value in (("network", self.network), ("loss", self.loss)):
            if isinstance(value, CustomNetworkConfig | CustomLossConfig):
                plain[part] = value.as_plain()
        return plain | {"epochs": list(self.epochs), "size": list(self.size)}

    def fingerprint(self) -> str:
        """A hash of everything that determines the weights and the figures."""
        plain = self.as_plain()
        for part, keys in _FREE.items():
            plain[part] = {key: value for key, value in plain[part].items() if key not in keys}
        for part, defaults in _ADDED.items():
            plain[part] = {
                key: value for key, value in plain[part].items() if key not in defaults or value != defaults[key]
            }
        return hash_value(plain)
