"""One way to merge: a weight for each branch, a calibration, and a score normalisation of the global branch."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from imgfp.descriptors import NORMALISATIONS, PLAIN
from imgfp.errors import InputError

METHODS = (PLAIN, *NORMALISATIONS)


@dataclass(frozen=True)
class Setting:
    """A setting of the merge.

    Attributes:
        weights: (branch, weight) of each branch.
        calibration: A file written by train/ranking.py; None: the preset's.
        normalisation: Of the global branch's similarities: none, or one that `imgfp.descriptors` offers.

    Raises:
        InputError: a weight that is negative, infinite or not a number, all weights 0, or an unknown normalisation.
    """

    weights: tuple[tuple[str, float], ...]
    calibration: str | None = None
    normalisation: str = PLAIN

    def __post_init__(self) -> None:
        for branch, weight in self.weights:
            if not 0 <= weight < math.inf:
                raise InputError(f"fusion.weights.{branch}={weight}: must be a number >= 0")
        if not any(weight for _, weight in self.weights):
            raise InputError("fusion.weights: all are 0: give at least one branch a weight")
        if self.normalisation not in METHODS:
            raise InputError(f"fusion.normalisation={self.normalisation!r}: must be one of {', '.join(METHODS)}")

    @classmethod
    def of(cls, values: Mapping[str, str]) -> "Setting":
        """The inverse of `values`, from texts."""
        weights = [(key, float(value)) for key, value in values.items() if key not in ("calibration", "normalisation")]
        calibration = values.get("calibration", "null")
        return cls(tuple(weights), None if calibration == "null" else calibration, values.get("normalisation", PLAIN))

    @property
    def values(self) -> dict[str, float | str]:
        """Everything by name; the calibration null where it is the preset's."""
        return {**dict(self.weights), "calibration": self.calibration or "null", "normalisation": self.normalisation}

    @property
    def text(self) -> str:
        """In one line; what is as shipped is left out."""
        said = ", ".join(f"{branch} {weight:.4g}" for branch, weight in self.weights)
        if self.calibration is not None:
            said += f", calibration {self.calibration}"
        return said if self.normalisation == PLAIN else f"{said}, normalisation {self.normalisation}"

    @property
    def overrides(self) -> dict[str, str]:
        """As keys of the configuration."""
        return {
            **{f"fusion.weights.{branch}": f"{weight:.6g}" for branch, weight in self.weights},
            "fusion.calibration": self.calibration or "null",
            "fusion.normalisation": self.normalisation,
        }
