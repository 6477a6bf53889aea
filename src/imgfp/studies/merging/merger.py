"""Evaluates settings of the merge on stored candidates, many a second."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field

import numpy as np

from imgfp.descriptors import PLAIN
from imgfp.errors import InputError
from imgfp.files import hash_value
from imgfp.fusion import Calibration
from imgfp.metrics import IscMetrics
from imgfp.records import Pairs
from imgfp.studies.merging.ranking import Ranked, Ranker
from imgfp.studies.merging.setting import Setting
from imgfp.studies.merging.split import Split
from imgfp.studies.merging.stored import MergeCandidates
from imgfp.studies.merging.table import CandidateTable
from imgfp.threads import thread_count

_Key = tuple[str | None, bool, str]  # calibration, whether without crops, normalisation
_MAX_RANKERS = 8  # kept at a time: each holds some arrays of the size of the table
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
        self._rankers: dict[_Key, Ranker] = {}
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

    @property
    def digest(self) -> str:
        """A hash of the content of the calibrations and similarities, whatever files and background they come from."""
        known = {str(name): asdict(calibration) for name, calibration in self.calibrations.items()}
        arrays = {
            name: [hashlib.sha256(array.tobytes()).hexdigest() for array in both if array is not None]
            for name, both in self.similarities.items()
        }
        return hash_value([known, arrays])

    def evaluate(self, setting: Setting) -> Outcome:
        """The figures of one setting."""
        ranked = self._ranked(setting)
        selection, *held_out = ranked.figures(self.split.groups(ranked.table.half), self._totals)
        return Outcome(setting, selection, held_out[0] if held_out else None)

    def evaluate_all(self, settings: Iterable[Setting]) -> Iterator[Outcome]:
        """The figures of many settings on all processors, those of one calibration and normalisation after another, in order."""
        alike: dict[_Key, list[Setting]] = {}
        for setting in settings:
            alike.setdefault(self._key(setting), []).append(setting)
        with ThreadPoolExecutor(thread_count()) as pool:
            for own in alike.values():
                self._ranker(own[0])  # prepared before threads share it
                yield from pool.map(self.evaluate, own)

    def predictions(self, setting: Setting) -> Pairs:
        """The ranking of one setting, best first."""
        return self._ranked(setting).predictions

    def _ranked(self, setting: Setting) -> Ranked:
        return self._ranker(setting).ranked(dict(setting.weights))

    def _ranker(self, setting: Setting) -> Ranker:
        """The table that the setting needs, prepared for its calibration and normalisation."""
        key = self._key(setting)
        if key in self._rankers:
            return self._rankers[key]
        calibration, whole, normalisation = key
        plain = self._rankers.get((calibration, whole, PLAIN))
        if plain is None:
            table = self.candidates.table(dict(setting.weights))
            plain = self._keep((calibration, whole, PLAIN), Ranker.of(table, self._calibration(table, setting)))
        if normalisation == PLAIN:
            return plain
        every, without_crops = self.similarities[normalisation]
        similarity = without_crops if whole else every
        assert similarity is not None, "made for each table"
        return self._keep(key, plain.with_similarity(similarity))

    def _keep(self, key: _Key, ranker: Ranker) -> Ranker:
        while len(self._rankers) >= _MAX_RANKERS:
            del self._rankers[next(iter(self._rankers))]  # the oldest
        self._rankers[key] = ranker
        return ranker

    def _key(self, setting: Setting) -> _Key:
        whole = self.candidates.table(dict(setting.weights)) is self.candidates.whole
        return setting.calibration, whole, setting.normalisation

    def _calibration(self, table: CandidateTable, setting: Setting) -> Calibration | None:
        return self.calibrations[setting.calibration] if table.rule == "calibrated" else None
