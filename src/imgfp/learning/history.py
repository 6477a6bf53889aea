"""The validations of a run so far: which checkpoints are the best, and whether uAP still improves."""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class History:
    """uAP by epoch (number of epochs completed), in order; plain numbers, so that a checkpoint can hold it.

    The untrained network has no place in it: it cannot be the best, and patience counts trained epochs only.
    """

    epochs: list[int] = field(default_factory=list)
    uap: list[float] = field(default_factory=list)

    def add(self, epoch: int, uap: float) -> None:
        """Adds a validation; of this epoch (from 1) and later ones earlier results are dropped."""
        while self.epochs and self.epochs[-1] >= epoch:
            self.epochs.pop()
            self.uap.pop()
        self.epochs.append(epoch)
        self.uap.append(uap)

    @property
    def best_epoch(self) -> int | None:
        """The first epoch of the highest uAP."""
        return self.epochs[self.uap.index(max(self.uap))] if self.epochs else None

    def kept(self, count: int) -> set[int]:
        """Epochs whose weights stay on disk: the `count` best, the earlier of equals, and the last one."""
        order = sorted(range(len(self.epochs)), key=lambda place: (-self.uap[place], self.epochs[place]))
        return {self.epochs[place] for place in order[:count]} | set(self.epochs[-1:])

    def exhausted(self, patience: int) -> bool:
        """Whether none of the last `patience` validations was better than the best before them."""
        if not patience or len(self.uap) <= patience:
            return False
        return max(self.uap[-patience:]) <= max(self.uap[:-patience])

    def as_plain(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {"epochs": list(self.epochs), "uap": list(self.uap)}

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> "History":
        """From a checkpoint."""
        return cls(list(plain["epochs"]), list(plain["uap"]))
