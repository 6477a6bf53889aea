"""What a training reported, kept for a test."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from imgfp.learning.recorder import Figures

TRAINING = 10  # photographs of the synthetic set


@dataclass
class Notes:
    """A recorder that keeps everything. `fail_at`: raises there, as a power cut would."""

    fail_at: int | None = None
    points: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    checkpoints: list[tuple[str, int, dict[str, Any]]] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)

    def figures(self, figures: Figures, step: int) -> None:
        self.points.append((step, dict(figures)))
        if self.fail_at is not None and step >= self.fail_at:
            raise RuntimeError("power cut")

    def checkpoint(self, weights: Path, card: Path, figures: Figures, step: int) -> None:
        assert weights.is_file()
        assert card.is_file()
        self.checkpoints.append((weights.stem, step, dict(figures)))

    def removed(self, weights: Path, reason: str) -> None:
        assert not weights.exists()
        self.gone.append(weights.stem)

    def stop(self) -> bool:
        return False
