"""What a search found, stored beside it as arrays: extracted once, read by any later process in a fraction of a second."""

import hashlib
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from imgfp.errors import InputError
from imgfp.files import atomic_path
from imgfp.pipeline.preset import Preset
from imgfp.pipeline.rank import Candidates
from imgfp.records import GroundTruth
from imgfp.studies.merging.split import half_of
from imgfp.studies.merging.table import CandidateTable

SCHEMA = 1
_PLAIN = ("rule", "answers", "branches")


@dataclass(frozen=True)
class MergeCandidates:
    """The candidates of a search and their ground truth.

    Attributes:
        every: Of all branches.
        whole: As if there were no crop branch, for settings in which it weighs 0; None where that is the same.
        queries, true_pairs: Of the first and the second half of the ground truth.
        truth: A hash of the ground truth.
    """

    every: CandidateTable
    whole: CandidateTable | None
    queries: tuple[int, int]
    true_pairs: tuple[int, int]
    truth: str

    @classmethod
    def of(cls, preset: Preset, found: Candidates, truth: GroundTruth) -> "MergeCandidates":
        """From a finished search."""
        every = CandidateTable.of(preset, found, truth)
        whole = None
        if "crop" in found.proposed:
            whole = CandidateTable.of(preset, found.whole_queries_only(), truth)
        return cls(every, whole, *_counts(truth), _digest(truth))

    @classmethod
    def of_table(cls, table: CandidateTable, truth: GroundTruth) -> "MergeCandidates":
        """Of candidates that come from elsewhere."""
        return cls(table, None, *_counts(truth), _digest(truth))

    def table(self, weights: Mapping[str, float]) -> CandidateTable:
        """The one that these weights are applied to."""
        return self.every if self.whole is None or weights.get("crop", 1.0) else self.whole

    def write(self, path: Path) -> None:
        """Writes plain arrays (npz), atomically."""
        arrays: dict[str, np.ndarray] = {}
        about: dict[str, Any] = {"schema": SCHEMA, "queries": self.queries, "true_pairs": self.true_pairs}
        about["truth"] = self.truth
        for name, table in (("every", self.every), ("whole", self.whole)):
            if table is not None:
                about[name] = {key: getattr(table, key) for key in _PLAIN}
                arrays |= {
                    f"{name}.{item.name}": getattr(table, item.name)
                    for item in fields(table)
                    if item.name not in _PLAIN
                }
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.savez(file, about=np.array(json.dumps(about)), **arrays)  # type: ignore[arg-type]

    @classmethod
    def read(cls, path: Path, truth: GroundTruth) -> "MergeCandidates | None":
        """What `write` wrote; None where there is none that can be read, so that it is to be extracted again.

        Raises:
            InputError: it was made with another ground truth.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                about = json.loads(str(file["about"]))
                if about["schema"] != SCHEMA:
                    return None
                tables = [_table(name, about[name], file) for name in ("every", "whole") if name in about]
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
            return None
        if about["truth"] != _digest(truth):
            raise InputError(f"{path}: candidates of other queries than the ground truth lists: remove the file")
        whole = tables[1] if len(tables) > 1 else None
        return cls(tables[0], whole, tuple(about["queries"]), tuple(about["true_pairs"]), about["truth"])


def _table(name: str, about: dict[str, Any], file: Mapping[str, np.ndarray]) -> CandidateTable:
    arrays = {item.name: file[f"{name}.{item.name}"] for item in fields(CandidateTable) if item.name not in _PLAIN}
    return CandidateTable(about["rule"], about["answers"], tuple(about["branches"]), **arrays)


def _digest(truth: GroundTruth) -> str:
    """A hash of all ids, without the cost of one for each."""
    columns = truth.queries, truth.query_ids, truth.reference_ids
    return hashlib.sha256("\n\n".join("\n".join(column.tolist()) for column in columns).encode()).hexdigest()


def _counts(truth: GroundTruth) -> tuple[tuple[int, int], tuple[int, int]]:
    """Queries and true pairs of both halves."""
    queries, pairs = (np.bincount(half_of(ids), minlength=2).tolist() for ids in (truth.queries, truth.query_ids))
    return (queries[0], queries[1]), (pairs[0], pairs[1])
