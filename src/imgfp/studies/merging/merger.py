"""Evaluates settings of the merge on stored candidates, many a second."""

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from imgfp.descriptors import PLAIN
from imgfp.errors import InputError
from imgfp.fusion import Calibration
from imgfp.metrics import IscMetrics
from imgfp.records import Pairs
from imgfp.studies.merging.ranking import Ranked, Ranker
from imgfp.studies.merging.setting import Setting
from imgfp.studies.merging.split import Split
from imgfp.studies.merging.stored import MergeCandidates
from imgfp.studies.merging.table import CandidateTable
from imgfp.threads import thread_count

Similarities = tuple[np.ndarray, np.ndarray | None]  # of the table of all branches, and of the one without crops


@dataclass(frozen=True)
class Outcome:
    """A setting's figures on the queries to choose by, and on those held out; the latter None where none are."""

    setting: Setting
    selection: IscMetrics
    held_out: IscMetrics | None


@dataclass
class Merger:
    """Candidates with all that settings may choose from.

    Attributes:
        candidates: What is merged.
        split: Which queries settings are chosen by and reported on.
        calibrations: By `Setting.calibration`; empty with a rule that has none.
        similarities: By `Setting.normalisation`, of the methods that change the candidates' own.

    Raises:
        InputError: a half without a true pair.
    """

    candidates: MergeCandidates
    split: Split
    calibrations: Mapping[str | None, Calibration] = field(default_factory=dict)
    similarities: Mapping[str, Similarities] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._rankers: dict[tuple[str | None, bool, str], Ranker] = {}
        queries, pairs = np.array(self.candidates.queries), np.array(self.candidates.true_pairs)
        groups = self.split.groups(np.arange(2))
        count = 2 if self.split.held_out else 1
        self._totals = [(int(queries[groups == g].sum()), int(pairs[groups == g].sum())) for g in range(count)]
        for name, (_, true) in zip(("choose", "report"), self._totals, strict=False):
            if not true:
                raise InputError(
                    f"split.{name}={getattr(self.split, name)}: its {self._totals[0][0]} queries have no true pair, so uAP is "
                    "undefined: give a larger set, or split.choose=all split.report=same"
                )

    @property
    def counts(self) -> tuple[int, ...]:
        """Number of queries to choose by, and of those held out."""
        return tuple(queries for queries, _ in self._totals)

    def evaluate(self, setting: Setting) -> Outcome:
        """The figures of one setting."""
        ranked = self._ranked(setting)
        selection, *held_out = ranked.figures(self.split.groups(ranked.table.half), self._totals)
        return Outcome(setting, selection, held_out[0] if held_out else None)

    def evaluate_all(self, settings: Iterable[Setting]) -> Iterator[Outcome]:
        """The figures of many settings, in order, on all processors."""
        wanted = list(settings)
        for setting in {
            (s.calibration, s.normalisation, bool(dict(s.weights).get("crop", 1))): s for s in wanted
        }.values():
            self._ranker(setting)  # prepared before threads share it
        with ThreadPoolExecutor(thread_count()) as pool:
            yield from pool.map(self.evaluate, wanted)

    def predictions(self, setting: Setting) -> Pairs:
        """The ranking of one setting, best first."""
        return self._ranked(setting).predictions

    def _ranked(self, setting: Setting) -> Ranked:
        return self._ranker(setting).ranked(dict(setting.weights))

    def _ranker(self, setting: Setting) -> Ranker:
        """The table that the setting needs, prepared for its calibration and normalisation."""
        whole = self.candidates.table(dict(setting.weights)) is self.candidates.whole
        key = setting.calibration, whole, setting.normalisation
        if key not in self._rankers:
            plain = *key[:2], PLAIN
            if plain not in self._rankers:
                table = self.candidates.table(dict(setting.weights))
                self._rankers[plain] = Ranker.of(table, self._calibration(table, setting))
            if setting.normalisation != PLAIN:
                every, without_crops = self.similarities[setting.normalisation]
                similarity = without_crops if whole else every
                assert similarity is not None, "made for each table"
                self._rankers[key] = self._rankers[plain].with_similarity(similarity)
        return self._rankers[key]

    def _calibration(self, table: CandidateTable, setting: Setting) -> Calibration | None:
        return self.calibrations[setting.calibration] if table.rule == "calibrated" else None
