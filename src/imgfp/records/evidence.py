"""The result of matching two images by their keypoints; ranking and reports read it."""

import math
from collections.abc import Sequence
from dataclasses import astuple, dataclass


@dataclass(frozen=True)
class Evidence:
    """The evidence for one compared pair.

    Attributes:
        query_id, reference_id: The pair.
        score: The matcher's score: the number of matches or of inliers.
        inliers: Matches consistent with one geometric model; all matches if no verification was run.
        matches: Matches before geometric verification.
        mirrored, inverted: The transform of the reference that was compared.
        query_area, reference_area: Fraction of each image covered by the bounding box of the inliers, 0..1.
        scale: Length in the query of one reference pixel according to the model; 1 without a model.
        anisotropy: Ratio of the model's largest to its smallest scale, at least 1.
        left, top, right, bottom: Bounding box of the entire reference in the query according to the model, clipped, as
            fractions of the query's width and height, 0..1; NaN without a model.
        part: Name of the query crop that was compared; empty for the full query. Areas and scale refer to the crop, the
            box to the full query.
    """

    query_id: str
    reference_id: str
    score: float
    inliers: int
    matches: int
    mirrored: bool = False
    inverted: bool = False
    query_area: float = 0.0
    reference_area: float = 0.0
    scale: float = 1.0
    anisotropy: float = 1.0
    left: float = math.nan
    top: float = math.nan
    right: float = math.nan
    bottom: float = math.nan
    part: str = ""

    @property
    def box(self) -> tuple[float, float, float, float] | None:
        """Left, top, right, bottom as fractions of the query, or None without a model."""
        box = self.left, self.top, self.right, self.bottom
        return None if any(math.isnan(side) for side in box) else box

    def row(self) -> list[object]:
        """The fields as plain JSON values, None for NaN."""
        return [None if isinstance(value, float) and math.isnan(value) else value for value in astuple(self)]

    @classmethod
    def of(cls, row: Sequence[object]) -> "Evidence":
        """The inverse of `row`."""
        return cls(*(math.nan if value is None else value for value in row))  # type: ignore[arg-type]
