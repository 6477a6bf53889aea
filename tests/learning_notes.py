"""What a training reported, kept for a test."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from imgfp.learning.recorder import Figures

TRAINING = 10  # photographs of the synthetic set


@dataclass
class Notes:
    """A recorder that keeps everything. `fail_at`: raises there, as a power cut would."""

    fail_at: int | None = None
    link: str = "make ui"
    facts: dict[str, str] = field(default_factory=dict)
    untrained: list[dict[str, Any]] = field(default_factory=list)
    bests: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    results: list[dict[str, Any]] = field(default_factory=list)
    points: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    checkpoints: list[tuple[str, int, dict[str, Any]]] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)

    def figures(self, figures: Figures, step: int) -> None:
        self.points.append((step, dict(figures)))
        if self.fail_at is not None and step >= self.fail_at:
            raise RuntimeError("power cut")

    def environment(self, facts: Mapping[str, str]) -> None:
        self.facts |= facts

    def baseline(self, figures: Figures) -> None:
        self.untrained.append(dict(figures))

    def best(self, figures: Figures, epoch: int, step: int) -> None:
        assert step == self.checkpoints[-1][1]
        self.bests.append((epoch, dict(figures)))

    def finished(self, figures: Figures) -> None:
        self.results.append(dict(figures))

    def checkpoint(self, weights: Path, card: Path, figures: Figures, epoch: int, step: int) -> None:
        assert weights.stem == f"epoch-{epoch:03d}"
        assert weights.is_file()
        assert card.is_file()
        self.checkpoints.append((weights.stem, step, dict(figures)))

    def removed(self, weights: Path, reason: str) -> None:
        assert not weights.exists()
        self.gone.append(weights.stem)

    def stop(self) -> bool:
        return False
