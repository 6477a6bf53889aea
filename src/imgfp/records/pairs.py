"""Scored pairs: the predicted source references of each query."""

import math
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imgfp.errors import InputError
from imgfp.files import read_lines, write_bytes, write_csv
from imgfp.records.tables import first_duplicate, one_line, parse_floats, read_columns

PAIRS_HEADER = ("query_id", "reference_id", "score")


@dataclass(frozen=True)
class Pairs:
    """n scored pairs; a higher score is a more confident match.

    `query_ids`, `reference_ids`: (n,) str. `scores`: (n,) float64, infinities allowed, NaN not.
    """

    query_ids: np.ndarray
    reference_ids: np.ndarray
    scores: np.ndarray

    def __post_init__(self) -> None:
        if not len(self.query_ids) == len(self.reference_ids) == len(self.scores):
            raise ValueError(
                f"{len(self.query_ids)} queries, {len(self.reference_ids)} references, {len(self.scores)} scores"
            )

    def __len__(self) -> int:
        return len(self.scores)

    @classmethod
    def of(cls, rows: list[tuple[str, str, float]]) -> "Pairs":
        """From (query id, reference id, score) rows."""
        queries, references, scores = zip(*rows, strict=True) if rows else ((), (), ())
        return cls(np.array(queries, dtype=str), np.array(references, dtype=str), np.array(scores, dtype=np.float64))

    @classmethod
    def read_csv(cls, path: Path) -> "Pairs":
        """Reads the challenge's CSV: header `query_id,reference_id,score`.

        Raises:
            InputError: wrong header, a score that is not a number or is NaN, an empty id, a repeated pair.
        """
        queries, references, texts = read_columns(path, PAIRS_HEADER)
        for name, ids in (("query_id", queries), ("reference_id", references)):
            if (ids == "").any():
                raise InputError(f"{path} row {int(np.flatnonzero(ids == '')[0]) + 2}: {name} is empty: give the id")
        pairs = cls(queries, references, parse_floats(path, texts, "score"))
        pairs._refuse_duplicates(path, first_row=2)
        return pairs

    @classmethod
    def read(cls, path: Path) -> "Pairs":
        """From CSV, or from Parquet where the suffix says so; raises InputError where there is no such file."""
        if not path.is_file():
            raise InputError(f"{path}: no such file: give predictions with the header {','.join(PAIRS_HEADER)}")
        return cls.read_parquet(path) if path.suffix == ".parquet" else cls.read_csv(path)

    @classmethod
    def read_parquet(cls, path: Path) -> "Pairs":
        """Reads the same three columns from a Parquet file, with the same checks."""
        import pyarrow as pa
        import pyarrow.parquet

        try:
            table = pyarrow.parquet.read_table(path, columns=list(PAIRS_HEADER))
        except (OSError, pa.ArrowException) as error:
            raise InputError(
                f"{path}: not a Parquet file with columns {','.join(PAIRS_HEADER)} ({one_line(error)}): write it again"
            ) from None
        for name in PAIRS_HEADER:
            if table.column(name).null_count:
                row = table.column(name).is_null().to_pylist().index(True) + 1
                raise InputError(f"{path} row {row}: {name} is null: give a value or remove the row")
        queries, references = (np.array(table.column(name).to_pylist(), dtype=str) for name in PAIRS_HEADER[:2])
        scores = parse_floats(path, table.column("score").to_numpy(), "score", first_row=1)
        pairs = cls(queries, references, scores)
        pairs._refuse_duplicates(path, first_row=1)
        return pairs

    @classmethod
    def read_imgfp(cls, path: Path, suffix: str = ".jpg") -> "Pairs":
        """Reads imgFp's text: lines `Q.jpg,R.jpg` (score 0) or `Q.jpg,R.jpg,score:<int>`, or merged `Q<tab>R<tab>score`."""
        rows = []
        for number, line in enumerate(
            read_lines(path, f"imgFp's text with lines 'Q{suffix},R{suffix}[,score:N]'"), start=1
        ):
            if not line.strip():
                continue
            fields = re.split(r"[,\t]", line.strip())
            try:
                score = float(fields[2].removeprefix("score:")) if len(fields) == 3 else 0.0
                query, reference = (name.removesuffix(suffix) for name in fields[:2])
                if len(fields) > 3 or math.isnan(score):
                    raise ValueError
            except ValueError:
                raise InputError(
                    f"{path} row {number}: {line[:80]!r} is not 'Q{suffix},R{suffix}[,score:N]': fix the line"
                ) from None
            rows.append((query, reference, score))
        pairs = cls.of(rows)
        pairs._refuse_duplicates(path, first_row=1)
        return pairs

    def write_csv(self, path: Path) -> None:
        """Writes the challenge's CSV atomically; scores in full precision (rounding would create ties)."""
        write_csv(
            path,
            PAIRS_HEADER,
            zip(self.query_ids.tolist(), self.reference_ids.tolist(), self.scores.tolist(), strict=True),
        )

    def write_imgfp(self, path: Path, scored: bool, suffix: str = ".jpg") -> None:
        """Writes imgFp's text: `Q.jpg,R.jpg` lines, or `Q.jpg,R.jpg,score:<int>` if `scored`."""
        ends = [f",score:{score}" for score in self.integer_scores()] if scored else [""] * len(self)
        lines = [
            f"{query}{suffix},{reference}{suffix}{end}\n"
            for (query, reference), end in zip(self.id_pairs(), ends, strict=True)
        ]
        write_bytes(path, "".join(lines).encode())

    def integer_scores(self) -> list[int]:
        """The scores as integers, the only numbers in imgFp's text; InputError names a score that is not one."""
        for (query, reference), score in zip(self.id_pairs(), self.scores.tolist(), strict=True):
            if not score.is_integer():
                raise InputError(
                    f"score {score} of {query},{reference} is not an integer: imgFp's text format stores integers only, write CSV"
                )
        return [int(score) for score in self.scores.tolist()]

    def id_pairs(self) -> list[tuple[str, str]]:
        """The (query id, reference id) of each pair, in order."""
        return list(zip(self.query_ids.tolist(), self.reference_ids.tolist(), strict=True))

    def best_first(self) -> "Pairs":
        """The same pairs by descending score; ties by query id, then reference id."""
        return self.take(np.lexsort((self.reference_ids, self.query_ids, -self.scores)))

    def take(self, rows: np.ndarray) -> "Pairs":
        """The pairs at these positions (or selected by this mask)."""
        return Pairs(self.query_ids[rows], self.reference_ids[rows], self.scores[rows])

    def _refuse_duplicates(self, path: Path, first_row: int) -> None:
        duplicate = first_duplicate(self.query_ids, self.reference_ids)
        if duplicate:
            first, second = duplicate
            pair = f"{self.query_ids[second]},{self.reference_ids[second]}"
            raise InputError(
                f"{path} row {second + first_row}: the pair {pair} repeats row {first + first_row}: "
                "keep only one of them, the one with the higher score"
            )
