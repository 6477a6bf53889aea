"""The candidates of a search as arrays, from which every setting of the merge is ranked without repeating the search."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from imgfp.errors import InputError
from imgfp.fusion import features
from imgfp.fusion.calibration import FEATURES
from imgfp.pipeline.preset import Preset
from imgfp.pipeline.rank import Candidates, highest, rank_branches, summing_order
from imgfp.records import Evidence, GroundTruth, Pairs
from imgfp.records.tables import find_names
from imgfp.studies.merging.split import half_of

OUTSIDE = -1  # half of a query that the ground truth does not list


@dataclass(frozen=True)
class CandidateTable:
    """p candidate pairs of q queries, e comparisons of them; b branches.

    Rows are sorted by query id, then reference id: the order in which the ranking breaks ties.

    Attributes:
        rule, answers: Of the preset's fusion.
        branches: In the order in which rule "sum" adds them.
        queries, references: (q,), (r,) str, sorted.
        query, reference: (p,) int32, positions in these.
        half: (q,) int8, 0 or 1; OUTSIDE for a query that the ground truth does not list.
        true: (p,) bool, whether the ground truth has the pair.
        proposed: (b, p) bool, whether the branch proposes the pair.
        similarity: (p,) float64, of the global branch, which sets the global row of `proposed` too; NaN where it does not
            propose the pair.
        scores: (b, p) float64, each branch's match score with rule "sum"; with rule "verified" one row, the highest match
            score. NaN where there is none.
        features: (e, 7) float64 with rule "calibrated", in the order of the search's evidence.
        item_pair, item_source: (e,) int32, int8: the row of the compared pair; 0 for a whole query, 1 + n for parts that
            branch n compared.
    """

    rule: str
    answers: int
    branches: tuple[str, ...]
    queries: np.ndarray
    references: np.ndarray
    query: np.ndarray
    reference: np.ndarray
    half: np.ndarray
    true: np.ndarray
    proposed: np.ndarray
    similarity: np.ndarray
    scores: np.ndarray
    features: np.ndarray
    item_pair: np.ndarray
    item_source: np.ndarray

    def __len__(self) -> int:
        return len(self.query)

    @classmethod
    def of(cls, preset: Preset, found: Candidates, truth: GroundTruth) -> "CandidateTable":
        """From what a search found.

        Raises:
            InputError: a score is not a number.
        """
        rule = preset.fusion.rule
        branches = summing_order(found.proposed)
        evidence = found.evidence if rule in ("calibrated", "verified") else []
        scored: dict[str, Pairs] = {}
        if rule == "sum":
            scored = rank_branches(preset, None, found)
        elif rule == "verified":
            scored = {"": Pairs.of([(*pair, item.score) for pair, item in highest(evidence).items()])}
        own = evidence if rule == "calibrated" else []
        compared = Pairs.of([(item.query_id, item.reference_id, item.score) for item in own])
        sets = {**{f"branch {name}": found.proposed[name] for name in branches}, "comparisons": compared}
        sets |= {f"branch {name}, match scores": pairs for name, pairs in scored.items()}
        empty, pair_of = cls._with_pairs(rule, preset.fusion.answers, branches, sets, truth)
        for place, name in enumerate(branches):
            empty.proposed[place, pair_of(found.proposed[name])] = True
        if (alike := found.proposed.get("global")) is not None:
            empty.similarity[pair_of(alike)] = alike.scores
        for place, name in enumerate(branches if rule == "sum" else scored):
            empty.scores[place, pair_of(scored[name])] = scored[name].scores
        if not own:
            return empty
        described = features(own)
        _require_numbers(own, described)
        source = np.zeros(len(own), np.int8)
        at = len(found.whole or ())
        for name, items in found.parts.items():
            source[at : at + len(items)] = 1 + branches.index(name)
            at += len(items)
        return cls(**{
            **empty.__dict__, "features": described, "item_pair": pair_of(compared).astype(np.int32), "item_source": source
        })  # fmt: skip

    @classmethod
    def of_files(cls, branches: Mapping[str, Pairs], truth: GroundTruth) -> "CandidateTable":
        """From rankings that somebody brings, one of each branch, for rule "sum".

        Raises:
            InputError: a score is not a finite number, or the rankings are of other queries.
        """
        for name, pairs in branches.items():
            known = np.isin(pairs.query_ids, truth.queries)
            if len(pairs) and not known.all():
                raise InputError(
                    f"branch_files.{name}: query {str(pairs.query_ids[~known][0])!r} is not in the ground truth, which lists "
                    f"{len(truth.queries)} queries: give branches and ground truth of the same queries"
                )
        for name, pairs in branches.items():
            for other, others in branches.items():
                if len(pairs) and len(others) and not np.isin(pairs.query_ids, others.query_ids).any():
                    raise InputError(
                        f"branch_files.{name} and branch_files.{other} have no query in common: give branches of the same queries"
                    )
        names = tuple(branches)
        sets = {f"branch_files.{name}": pairs for name, pairs in branches.items()}
        table, pair_of = cls._with_pairs("sum", 1, names, sets, truth)
        for place, (name, pairs) in enumerate(branches.items()):
            table.proposed[place, pair_of(pairs)] = True
            table.scores[place, pair_of(branches[name])] = pairs.scores
        return table

    @classmethod
    def _with_pairs(
        cls, rule: str, answers: int, branches: tuple[str, ...], sets: Mapping[str, Pairs], truth: GroundTruth
    ) -> tuple["CandidateTable", "_Rows"]:
        """The pairs of all sets, judged, and where each is; the rest is empty."""
        for name, pairs in sets.items():
            if len(bad := np.flatnonzero(~np.isfinite(pairs.scores))):
                pair = f"{pairs.query_ids[bad[0]]},{pairs.reference_ids[bad[0]]}"
                raise InputError(
                    f"{name}: score {pairs.scores[bad[0]]} of {pair} is not a finite number: fix or remove it"
                )
        queries = np.unique(np.concatenate([pairs.query_ids.astype(str) for pairs in sets.values()]))
        references = np.unique(np.concatenate([pairs.reference_ids.astype(str) for pairs in sets.values()]))
        rows = _Rows(queries, references)
        codes = np.unique(np.concatenate([rows.codes(pairs) for pairs in sets.values()]))
        rows.known = codes
        real = Pairs(truth.query_ids, truth.reference_ids, np.zeros(len(truth.query_ids)))
        count = len(codes)
        listed = np.isin(queries, truth.queries)
        table = cls(
            rule,
            answers,
            branches,
            queries,
            references,
            (codes // max(len(references), 1)).astype(np.int32),
            (codes % max(len(references), 1)).astype(np.int32),
            np.where(listed, half_of(queries), OUTSIDE).astype(np.int8),
            np.isin(codes, rows.codes(real)),
            np.zeros((len(branches), count), bool),
            np.full(count, np.nan),
            np.full(({"sum": len(branches), "verified": 1}.get(rule, 0), count), np.nan),
            np.empty((0, len(FEATURES))),
            np.empty(0, np.int32),
            np.empty(0, np.int8),
        )
        return table, rows


class _Rows:
    """Where a pair is in a table."""

    def __init__(self, queries: np.ndarray, references: np.ndarray) -> None:
        self._queries, self._references = queries, references
        self.known = np.empty(0, np.int64)

    def codes(self, pairs: Pairs) -> np.ndarray:
        """(n,) int64, in the order of the ids; -1 for a pair of which the table lacks an image."""
        if not len(pairs):
            return np.empty(0, np.int64)
        query = find_names(pairs.query_ids.astype(str), self._queries).astype(np.int64)
        reference = find_names(pairs.reference_ids.astype(str), self._references).astype(np.int64)
        return np.where((query < 0) | (reference < 0), -1, query * len(self._references) + reference)

    def __call__(self, pairs: Pairs) -> np.ndarray:
        """(n,) int64, the row of each pair, all of which the table has."""
        return np.searchsorted(self.known, self.codes(pairs))


def similarity_of(table: CandidateTable, alike: Pairs) -> tuple[np.ndarray, int]:
    """(p,) float64: other similarities of the table's pairs, NaN where there is none; how many pairs the table lacks."""
    rows = _Rows(table.queries, table.references)
    known = table.query.astype(np.int64) * len(table.references) + table.reference
    codes = rows.codes(alike)
    at = np.minimum(np.searchsorted(known, codes), len(known) - 1)
    kept = known[at] == codes if len(known) else np.zeros(len(codes), bool)
    similarity = np.full(len(table), np.nan)
    similarity[at[kept]] = alike.scores[kept]
    return similarity, int((~kept).sum())


def _require_numbers(evidence: Sequence[Evidence], described: np.ndarray) -> None:
    bad = np.flatnonzero(~np.isfinite(described).all(axis=1))
    if len(bad):
        item = evidence[bad[0]]
        raise InputError(
            f"comparing {item.query_id} with {item.reference_id} gave a value that is not a number: "
            "remove the search's folder `work` and search again"
        )
