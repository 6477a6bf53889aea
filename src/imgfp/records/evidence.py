"""What comparing two pictures by their keypoints found out: the noun that matching makes, and ranking and reports read."""

import math
from collections.abc import Sequence
from dataclasses import astuple, dataclass


@dataclass(frozen=True)
class Evidence:
    """One compared pair.

    Attributes:
        query_id, reference_id: The pair.
        score: The matcher's own: a count of matches, or of inliers.
        inliers: Keypoints that agree on one geometry; all matches where none was asked for.
        matches: Matches before geometry.
        mirrored, inverted: What the reference was compared as.
        query_area, reference_area: Share of each picture that the box around the inliers covers, 0..1.
        scale: Length in the query of one pixel of the reference, by the model; 1 without one.
        anisotropy: Largest over smallest stretch of the model, at least 1.
        left, top, right, bottom: Where the whole reference lies in the query, by the model, clipped: shares of the query's
            width and height, 0..1; NaN without a model.
        part: Of the query, where it was not compared as a whole: the name of a crop. Areas and scale are of that part, the
            box is in the whole query.
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
        """Left, top, right, bottom as shares of the query, or None where no model tells."""
        found = self.left, self.top, self.right, self.bottom
        return None if any(math.isnan(side) for side in found) else found

    def row(self) -> list[object]:
        """Plain JSON values, None for NaN."""
        return [None if isinstance(value, float) and math.isnan(value) else value for value in astuple(self)]

    @classmethod
    def of(cls, row: Sequence[object]) -> "Evidence":
        """From what `row` gave."""
        return cls(*(math.nan if value is None else value for value in row))  # type: ignore[arg-type]
