"""Where a training reports to; applications connect it to their tracking."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

Figures = Mapping[str, float | None]


class Recorder(Protocol):
    """Receives a training's figures and checkpoints; a resumed training may report a step again."""

    def figures(self, figures: Figures, step: int) -> None:
        """Figures at a step, under the project's metric names."""

    def checkpoint(self, weights: Path, card: Path, figures: Figures, step: int) -> None:
        """A validated checkpoint was exported."""

    def removed(self, weights: Path, reason: str) -> None:
        """The weights of a validated checkpoint were removed from disk."""

    def stop(self) -> bool:
        """Whether to end the training: asked before its first step and after every validation."""


class Unrecorded:
    """For processes other than the first of a distributed training, which report nothing."""

    def figures(self, figures: Figures, step: int) -> None:
        """Nothing."""

    def checkpoint(self, weights: Path, card: Path, figures: Figures, step: int) -> None:
        """Nothing."""

    def removed(self, weights: Path, reason: str) -> None:
        """Nothing."""

    def stop(self) -> bool:
        """Never."""
        return False
