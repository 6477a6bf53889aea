"""Which queries settings are chosen by, and on which others their figures are reported."""

from dataclasses import dataclass

import numpy as np

from imgfp.errors import InputError
from imgfp.files import hash_value
from imgfp.records import GroundTruth

HALVES = ("first", "second")
ALL, SAME = "all", "same"


@dataclass(frozen=True)
class Split:
    """The queries by the hash of their ids, whatever else is in the set.

    Attributes:
        choose: Settings are chosen by the uAP of this half: first, second, or all.
        report: Its figures are reported: the other half, or "same": that of `choose`.

    Raises:
        InputError: an unknown name, or figures on the choosing queries without saying so.
    """

    choose: str = "first"
    report: str = "second"

    def __post_init__(self) -> None:
        if self.choose not in (*HALVES, ALL):
            raise InputError(f"split.choose={self.choose!r}: must be one of {', '.join((*HALVES, ALL))}")
        if self.report not in (*HALVES, SAME):
            raise InputError(f"split.report={self.report!r}: must be one of {', '.join((*HALVES, SAME))}")
        if self.report == self.choose or (self.choose == ALL and self.report != SAME):
            other = next(half for half in HALVES if half != self.choose)
            fix = "split.choose=first" if self.choose == ALL else f"split.report={other}"
            raise InputError(
                f"split.choose={self.choose}, split.report={self.report}: figures on queries that settings are chosen by are too "
                f"high: give {fix}, or split.report=same if that is wanted"
            )

    @property
    def held_out(self) -> bool:
        """Whether figures are reported on queries that settings are not chosen by."""
        return self.report != SAME

    @property
    def tag(self) -> str:
        """What MLflow and the console say of it."""
        if self.held_out:
            return f"chosen on the {self.choose} half, reported on the {self.report}"
        return (
            f"NOT HELD OUT: chosen and reported on {'all queries' if self.choose == ALL else f'the {self.choose} half'}"
        )

    def groups(self, half: np.ndarray) -> np.ndarray:
        """(q,) int8: 0 for queries to choose by, 1 for those held out, -1 for others; `half` is 0, 1 or negative."""
        choose = half >= 0 if self.choose == ALL else half == HALVES.index(self.choose)
        report = half == HALVES.index(self.report) if self.held_out else np.zeros(len(half), bool)
        return np.where(choose, 0, np.where(report, 1, -1)).astype(np.int8)


def half_of(queries: np.ndarray) -> np.ndarray:
    """(q,) int8: 0 or 1 of each id."""
    return np.array([int(hash_value(str(query))[:8], 16) % 2 for query in queries], np.int8)


def truth_of_halves(truth: GroundTruth) -> tuple[GroundTruth, GroundTruth]:
    """The ground truth of both halves."""
    half = half_of(truth.queries)
    first, second = (truth.of_queries(truth.queries[half == number].tolist()) for number in (0, 1))
    return first, second
