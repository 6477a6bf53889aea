"""Regional features of a set of images."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class RegionFeatures:
    """The same number of regions for each of n images.

    Attributes:
        ids: n unique ids.
        values: (n, regions, dim) float32, C order, **not normalised**.
        made_with: What they were made with, as plain JSON values; empty where unknown.
    """

    ids: tuple[str, ...]
    values: np.ndarray
    made_with: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.values.ndim != 3 or len(self.values) != len(self.ids) or self.values.dtype != np.float32:
            raise ValueError(f"{len(self.ids)} ids for {self.values.dtype} values of shape {self.values.shape}")

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def regions(self) -> int:
        """Regions per image."""
        return int(self.values.shape[1])

    @property
    def dim(self) -> int:
        """Dimension of a region's vector."""
        return int(self.values.shape[2])
