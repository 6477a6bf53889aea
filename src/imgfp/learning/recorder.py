"""Where a training reports to; applications connect it to their tracking."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

Figures = Mapping[str, float | None]


class Recorder(Protocol):
    """Receives a training's figures and checkpoints; a resumed training may report a step again."""

    @property
    def link(self) -> str:
        """How to see what was recorded, for the console; empty where nothing is."""

    def environment(self, facts: Mapping[str, str]) -> None:
        """What the training runs on, in this process; a resumed training may run on something else."""

    def figures(self, figures: Figures, step: int) -> None:
        """Points of curves, under the project's metric names."""

    def baseline(self, figures: Figures) -> None:
        """The validation of the untrained network."""

    def checkpoint(self, weights: Path, card: Path, figures: Figures, epoch: int, step: int) -> None:
        """A validated checkpoint was exported. Its figures are not the run's: `best` follows."""

    def best(self, figures: Figures, epoch: int, step: int) -> None:
        """After every `checkpoint`: the best one so far, which is the run's result. `step`: now."""

    def finished(self, figures: Figures) -> None:
        """Training has ended; the figures of the best checkpoint, none without validation."""

    def removed(self, weights: Path, reason: str) -> None:
        """The weights of a validated checkpoint were removed from disk."""

    def stop(self) -> bool:
        """Whether to end the training: asked before its first step and after every validation."""


class Unrecorded:
    """For processes other than the first of a distributed training, which report nothing."""

    link = ""

    def environment(self, facts: Mapping[str, str]) -> None:
        """Nothing."""

    def figures(self, figures: Figures, step: int) -> None:
        """Nothing."""

    def baseline(self, figures: Figures) -> None:
        """Nothing."""

    def checkpoint(self, weights: Path, card: Path, figures: Figures, epoch: int, step: int) -> None:
        """Nothing."""

    def best(self, figures: Figures, epoch: int, step: int) -> None:
        """Nothing."""

    def finished(self, figures: Figures) -> None:
        """Nothing."""

    def removed(self, weights: Path, reason: str) -> None:
        """Nothing."""

    def stop(self) -> bool:
        """Never."""
        return False
