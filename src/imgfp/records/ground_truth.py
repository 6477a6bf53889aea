"""The ground truth that predictions are evaluated against: all queries and their source references."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imgfp.errors import InputError
from imgfp.files import write_csv
from imgfp.records.tables import first_duplicate, read_columns

TRUTH_HEADER = ("query_id", "reference_id")


@dataclass(frozen=True)
class GroundTruth:
    """All queries and the true pairs; a query without a true pair is a distractor.

    `queries`: (q,) str, unique, sorted. `query_ids`, `reference_ids`: (p,) str, the true pairs.
    """

    queries: np.ndarray
    query_ids: np.ndarray
    reference_ids: np.ndarray

    @classmethod
    def of(cls, rows: list[tuple[str, str]]) -> "GroundTruth":
        """From (query id, reference id) rows; an empty reference id marks a distractor query."""
        columns = np.array(rows, dtype=str).reshape(-1, 2)
        true = columns[columns[:, 1] != ""]
        return cls(np.unique(columns[:, 0]), true[:, 0], true[:, 1])

    @classmethod
    def read_csv(cls, path: Path) -> "GroundTruth":
        """Reads the challenge's CSV: header `query_id,reference_id`, every query listed, no reference for a distractor.

        Raises:
            InputError: wrong header, an empty query id, a repeated row.
        """
        queries, references = read_columns(path, TRUTH_HEADER)
        if (queries == "").any():
            row = int(np.flatnonzero(queries == "")[0]) + 2
            raise InputError(f"{path} row {row}: query_id is empty: give the id")
        duplicate = first_duplicate(queries, references)
        if duplicate:
            first, second = duplicate
            raise InputError(
                f"{path} row {second + 2}: {queries[second]},{references[second]} repeats row {first + 2}: "
                "remove one of them"
            )
        true = references != ""
        return cls(np.unique(queries), queries[true], references[true])

    def write_csv(self, path: Path) -> None:
        """Writes the challenge's CSV atomically, sorted by query id."""
        distractors = np.setdiff1d(self.queries, self.query_ids)
        rows = [
            *zip(self.query_ids.tolist(), self.reference_ids.tolist(), strict=True),
            *((q, "") for q in distractors.tolist()),
        ]
        write_csv(path, TRUTH_HEADER, sorted(rows))

    def of_queries(self, kept: Collection[str]) -> "GroundTruth":
        """The ground truth restricted to these queries."""
        wanted = sorted(kept)
        own = np.isin(self.query_ids, wanted)
        return GroundTruth(self.queries[np.isin(self.queries, wanted)], self.query_ids[own], self.reference_ids[own])

    def pairs(self) -> set[tuple[str, str]]:
        """The true (query id, reference id) pairs."""
        return set(zip(self.query_ids.tolist(), self.reference_ids.tolist(), strict=True))
