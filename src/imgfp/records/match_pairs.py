"""Ranked answers by index, as MIRorR's text `match_pairs`: `<query index> <database index> <score>` per line."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imgfp.errors import InputError
from imgfp.files import write_bytes
from imgfp.records.index_lines import read_index_lines

_FORM = "<query index> <database index> <score>"


@dataclass(frozen=True)
class MatchPairs:
    """n answers; those of a query are in the order of their ranks, the best first.

    `queries`, `database`: (n,) int64, positions in the query list and the database list. `scores`: (n,) float64;
    similarities descend within a query, Euclidean distances ascend.
    """

    queries: np.ndarray
    database: np.ndarray
    scores: np.ndarray

    def __post_init__(self) -> None:
        if not len(self.queries) == len(self.database) == len(self.scores):
            raise ValueError(f"{len(self.queries)} queries, {len(self.database)} answers, {len(self.scores)} scores")

    def __len__(self) -> int:
        return len(self.scores)

    @classmethod
    def read(cls, path: Path, repeats: bool = False) -> "MatchPairs":
        """Reads the text; blank lines are ignored.

        Args:
            path: The file.
            repeats: Accept an answer that is given more than once for one query.

        Raises:
            InputError: no such file, a malformed line, a negative index, a score that is not finite, an answer
                given twice for one query.
        """
        rows: list[tuple[int, int, float]] = []
        seen: set[tuple[int, int]] = set()
        for where, query, image, score in read_index_lines(path, f"a match_pairs text with lines '{_FORM}'", _FORM, 0):
            if (query, image) in seen and not repeats:
                raise InputError(f"{where}: the answer {image} of query {query} appears twice: remove one")
            seen.add((query, image))
            rows.append((query, image, score))
        queries, database, scores = zip(*rows, strict=True) if rows else ((), (), ())
        return cls(np.array(queries, np.int64), np.array(database, np.int64), np.array(scores, np.float64))

    @property
    def repeated(self) -> int:
        """Number of answers that an earlier answer of the same query repeats."""
        return len(self) - len(np.unique(np.stack([self.queries, self.database]), axis=1).T)

    def write(self, path: Path) -> None:
        """Writes the text atomically: scores in full precision, no newline behind the last line, as the original did."""
        rows = zip(self.queries.tolist(), self.database.tolist(), self.scores.tolist(), strict=True)
        write_bytes(path, "\n".join(f"{query} {image} {score!r}" for query, image, score in rows).encode())

    def require_within(self, queries: int, database: int, where: object) -> None:
        """Refuses indices beyond the lists. `where`: the file or object that holds the answers, for the message.

        Raises:
            InputError: an index that is not below the length of its list.
        """
        for name, indices, count in (("query", self.queries, queries), ("database", self.database, database)):
            outside = np.flatnonzero((indices < 0) | (indices >= count))
            if len(outside):
                raise InputError(
                    f"{where}: {name} index {indices[outside[0]]}, but the {name} list has {count} images: "
                    "give the lists that the answers were made with"
                )

    def answers_of(self, queries: int) -> list[np.ndarray]:
        """The database indices of each of the first `queries` queries, best first; empty where a query has none."""
        order = np.argsort(self.queries, kind="stable")
        ends = np.searchsorted(self.queries[order], np.arange(1, queries))
        return np.split(self.database[order], ends)
