"""Queries against an index: the branches' candidates, their match scores, one ranking."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from imgfp.errors import InputError
from imgfp.fusion import COPIES, SIMILAR, union_pairs
from imgfp.images import Failure, ImageList, write_failures
from imgfp.local.store import FeatureSource
from imgfp.pipeline.answers import Answer, name_answers, write_matches
from imgfp.pipeline.branches import BRANCH_OF, Lookup
from imgfp.pipeline.branches.crops import CropSets
from imgfp.pipeline.branches.storage import OnDisk
from imgfp.pipeline.index.index import Index, build_index, open_index
from imgfp.pipeline.preset import BRANCHES
from imgfp.pipeline.presets import preset_named
from imgfp.pipeline.rank import Candidates, calibration_of, rank_branches, rank_merged
from imgfp.pipeline.run_config import RunConfig, parse_branches
from imgfp.pipeline.stages.stage import StageResult
from imgfp.plural import counted
from imgfp.progress import track
from imgfp.records import Evidence, Pairs


@dataclass(frozen=True)
class SearchResult:
    """What a search found.

    Attributes:
        predictions: One row per answer, best first, as `predictions.csv` holds them.
        answers: The predictions with their labels and boxes; empty unless the fusion rule is "calibrated".
        decided: The evidence that each pair's score comes from.
        branches: The pairs as each branch alone would give them.
        candidates: All that the branches proposed and comparing found, to merge it in other ways.
        query_features, reference_features: None where nothing is compared.
        crops: None without that branch.
    """

    out: Path
    run: RunConfig
    predictions: Pairs
    answers: tuple[Answer, ...]
    decided: Mapping[tuple[str, str], Evidence]
    branches: dict[str, Pairs]
    candidates: Candidates
    queries: ImageList
    references: ImageList
    query_features: FeatureSource | None
    reference_features: FeatureSource | None
    crops: CropSets | None
    stages: tuple[StageResult, ...]

    @property
    def summary(self) -> str:
        """What was found, in one line."""
        pairs = self.predictions
        text = f"{counted(len(pairs), 'pair')} for {len(np.unique(pairs.query_ids))} of {len(self.queries)} queries among {counted(len(self.references), 'reference')}"
        if not self.answers:
            return text
        copies = sum(answer.label in COPIES for answer in self.answers)
        similar = sum(answer.label == SIMILAR for answer in self.answers)
        return f"{text}: {counted(copies, 'copy', 'copies')}, {similar} similar but not copies, the rest below the similarity threshold"

    @property
    def failures(self) -> tuple[Failure, ...]:
        """Every image that could not be used, each once."""
        return tuple(dict.fromkeys(failure for stage in self.stages for failure in stage.failures))


def find(
    queries: ImageList, references: ImageList, out: Path, run: RunConfig, background: ImageList | None = None
) -> SearchResult:
    """Everything in one go: an index in `out/index`, then the search."""
    if background is not None:
        run.check_background()
    calibration_of(run.preset)
    built = build_index(references, out / "index", run)
    return search(open_index(out / "index"), queries, out, run, background, built)


def search(
    index: Index,
    queries: ImageList,
    out: Path,
    run: RunConfig,
    background: ImageList | None = None,
    before: list[StageResult] | None = None,
    extracted: Path | None = None,
) -> SearchResult:
    """Looks queries up in an index and writes `out/predictions.csv`; what a killed run resumes from is in `out/work`.

    Args:
        index: The references.
        queries: The images to look up.
        out: Output folder.
        run: Settings of the search; those of extraction must be the index's.
        background: Images known not to be the answer, for score normalisation of the global branch.
        before: Stages that ran before and belong to the result (building the index).
        extracted: Folder for the queries' features and descriptors, where several searches share them.

    Raises:
        InputError: a branch that the index was built without, other extraction settings, a calibration that cannot be
            used, no readable query or reference.
    """
    run = run.located()
    require_index(index, run)
    calibration = calibration_of(run.preset)  # before the work: a file that cannot be used is reported at once
    if background is not None:
        run.check_background()
    storage = OnDisk(out / "work", extracted)
    lookup = Lookup(index, queries, run, storage, background)
    candidates = gather(lookup)
    found = rank_branches(run.preset, calibration, candidates)
    predictions, decided = rank_merged(run.preset, calibration, candidates)
    predictions = predictions.best_first()
    predictions.write_csv(out / "predictions.csv")
    answers: tuple[Answer, ...] = ()
    (out / "matches.csv").unlink(missing_ok=True)  # of an earlier search by another rule
    if candidates.whole is not None and calibration is not None:
        named = name_answers(predictions, decided, queries, index.images, calibration)
        answers = tuple(track(named, len(predictions), "labelling answers", "pairs"))
        write_matches(out / "matches.csv", answers, queries)
    for name in BRANCHES.keys() - found.keys():  # of an earlier search with more branches
        (out / "branches" / f"{name}.csv").unlink(missing_ok=True)
    for name, pairs in found.items():
        pairs.best_first().write_csv(out / "branches" / f"{name}.csv")
    compared = candidates.whole is not None
    result = SearchResult(
        out,
        run,
        predictions,
        answers,
        decided,
        found,
        candidates,
        queries,
        index.images,
        lookup.query_features if compared else None,
        index.features if compared else None,
        lookup.crops if "crop" in run.branches else None,
        (*(before or ()), *storage.stages),
    )
    write_failures(out / "failures.csv", result.failures)
    return result


def gather(lookup: Lookup) -> Candidates:
    """What the branches propose, and what comparing that with the queries finds."""
    branches = {name: BRANCH_OF[name] for name in lookup.run.branches}
    proposed = {name: branch.candidates(lookup) for name, branch in branches.items()}
    pairs = {name: item.pairs for name, item in proposed.items()}
    without_crops = {name: item.without_crops for name, item in proposed.items() if item.without_crops is not None}
    if not lookup.run.needs_features:
        return Candidates(pairs, None)
    wanted = [pairs[name] for name, branch in branches.items() if branch.compares_whole]
    wanted += without_crops.values()
    whole = lookup.compare(union_pairs(wanted), lookup.query_features, "match scores", "match_scores")
    parts = {name: branch.evidence(lookup) for name, branch in branches.items()}
    return Candidates(pairs, whole, parts, without_crops)


def run_for(index: Index, branches: str | Iterable[str] | None = None) -> RunConfig:
    """The run that an index was built for: its preset by name, its extraction, and `branches` or those that it holds."""
    preset = preset_named(index.preset_name).with_extraction(index.extraction)
    chosen = index.branches if branches is None else parse_branches(branches)
    return RunConfig(index.preset_name, replace(preset, index=index.index_config), chosen)


def require_index(index: Index, run: RunConfig) -> None:
    """Raises InputError where the index lacks a branch, or was extracted with other settings."""
    for name in run.indexed:
        if name not in index.branches:
            raise InputError(
                f"{index.folder} was built with branches {','.join(index.branches)}, not {name}: build an index with --branches {name}"
            )
    for key in ("sift", "encoder"):
        before, now = getattr(index.extraction, key), getattr(run.preset, key)
        if before != now:
            raise InputError(f"{index.folder} was built with {before}, now it is {now}: build another")
    if run.needs_features and index.features is None:
        raise InputError(
            f"{index.folder} holds no local features, which fusion.rule={run.preset.fusion.rule!r} needs: build another"
        )
