"""Queries against an index: the branches' candidates, their match scores, one ranking."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from imgfp.errors import InputError
from imgfp.files import hash_file, hash_value
from imgfp.fusion import COPIES, SIMILAR, union_pairs
from imgfp.images import Failure, ImageList, hash_images, write_failures
from imgfp.local.store import FeatureSource, FeatureStore
from imgfp.pipeline.crop_branch import CropBranch, CutQueries
from imgfp.pipeline.index.descriptor_index import open_descriptor_index
from imgfp.pipeline.index.index import Index, build_index, located, open_index
from imgfp.pipeline.index.parts import require_some
from imgfp.pipeline.matches import Answer, answers_of, write_matches
from imgfp.pipeline.presets import BRANCHES, Preset, indexed, needs_features, refuse_idle_background
from imgfp.pipeline.rank import Candidates, calibration_of, rank_branches, rank_merged
from imgfp.pipeline.stages.candidates import read_rows, topk_stage, vote_stage
from imgfp.pipeline.stages.describe import descriptor_stage
from imgfp.pipeline.stages.features import feature_stage, with_usable_extractor
from imgfp.pipeline.stages.score import read_evidence, score_stage
from imgfp.pipeline.stages.stage import StageResult
from imgfp.records import DescriptorSet, Evidence, Pairs, read_descriptors


@dataclass(frozen=True)
class SearchResult:
    """What a search found.

    `answers`: the predictions with their labels and boxes, empty unless the rule is "calibrated". `decided`: the evidence that
    each pair's score comes from. `branches`: the pairs as each branch alone would give them. `crops`: None without that branch.
    `candidates`: all that the branches proposed and comparing found, to merge it in other ways.
    """

    out: Path
    preset: Preset
    predictions: Pairs
    answers: tuple[Answer, ...]
    decided: Mapping[tuple[str, str], Evidence]
    branches: dict[str, Pairs]
    candidates: Candidates
    queries: ImageList
    references: ImageList
    query_features: FeatureSource | None
    reference_features: FeatureSource | None
    crops: CutQueries | None
    stages: tuple[StageResult, ...]

    @property
    def summary(self) -> str:
        """What was found, in one line."""
        pairs = self.predictions
        text = f"{len(pairs)} pairs for {len(np.unique(pairs.query_ids))} of {len(self.queries)} queries among {len(self.references)} references"
        if not self.answers:
            return text
        copies = sum(answer.label in COPIES for answer in self.answers)
        alike = sum(answer.label == SIMILAR for answer in self.answers)
        return f"{text}: {copies} copies, {alike} similar and no copy, the others too weak to count"

    @property
    def failures(self) -> tuple[Failure, ...]:
        """Every image that was left out, each once."""
        return tuple(dict.fromkeys(failure for stage in self.stages for failure in stage.failures))


def find(
    queries: ImageList,
    references: ImageList,
    out: Path,
    preset_name: str,
    preset: Preset,
    branches: tuple[str, ...],
    background: ImageList | None = None,
) -> SearchResult:
    """Everything in one go: an index in `out/index`, then the search."""
    if background is not None:
        refuse_idle_background(preset, branches)
    calibration_of(preset)
    built = build_index(references, out / "index", preset_name, preset, branches)
    return search(open_index(out / "index"), queries, out, preset, branches, background, built)


def search(
    index: Index,
    queries: ImageList,
    out: Path,
    preset: Preset,
    branches: tuple[str, ...],
    background: ImageList | None = None,
    before: list[StageResult] | None = None,
    extracted: Path | None = None,
) -> SearchResult:
    """Looks queries up in an index and writes `out/predictions.csv`; work that can be resumed lies in `out/work`.

    Args:
        index: The references.
        queries: The pictures to look up.
        out: Output folder.
        preset: Settings of the search; those of extraction must be the index's.
        branches: Some of the index's branches.
        background: Pictures known not to be the answer, for score normalisation of the global branch.
        before: Stages that ran before and belong to the result (building the index).
        extracted: Folder for the queries' features and descriptors, where several searches share them.

    Raises:
        InputError: a branch that the index was built without, other extraction settings, a calibration that cannot be
            used, no readable query or reference.
    """
    preset = with_usable_extractor(located(preset), branches)
    _require(index, preset, branches)
    calibration = calibration_of(preset)  # before the work: a file that cannot be used is told at once
    if background is not None:
        refuse_idle_background(preset, branches)
    work = out / "work"
    shared = extracted or work
    stages = list(before or [])
    proposed: dict[str, Pairs] = {}
    whole_query_candidates: Pairs | None = None
    crops = CropBranch(queries, preset, "global" in branches, shared, work) if "crop" in branches else None
    query_features = None
    if needs_features(preset, branches):
        features_in = (
            shared / f"query_features-{hash_value(asdict(preset.views))[:8]}" if extracted else work / "query_features"
        )
        stages.append(feature_stage("query features", queries, preset.sift, features_in, preset.views))
        query_features = FeatureStore(features_in, verify=False)
        require_some(len(query_features), queries, stages[-1])
    if "local" in indexed(branches) and query_features is not None and index.features is not None:
        nearest, built = open_descriptor_index(index.folder, index.features, preset.index)
        stages += built
        if "local" in branches:
            stages.append(vote_stage(query_features, nearest, preset.vote, work / "local_candidates"))
            proposed["local"] = read_rows(work / "local_candidates")
        if crops is not None:
            proposed["crop"] = crops.candidates(nearest)
    if "global" in branches:
        whole_query_candidates, proposed["global"] = _global_candidates(
            index, queries, crops, preset, background, work, shared, stages
        )

    candidates = Candidates(proposed, None)
    if query_features is not None and index.features is not None:
        candidates = _compared(
            proposed, whole_query_candidates, query_features, index.features, crops, preset, work, stages
        )
    stages += crops.stages if crops else []
    found = rank_branches(preset, calibration, candidates)
    predictions, decided = rank_merged(preset, calibration, candidates)
    predictions = predictions.best_first()
    predictions.write_csv(out / "predictions.csv")
    answers: tuple[Answer, ...] = ()
    (out / "matches.csv").unlink(missing_ok=True)  # of an earlier search by another rule
    if candidates.whole is not None and calibration is not None:
        answers = answers_of(predictions, decided, queries, index.images, calibration)
        write_matches(out / "matches.csv", answers, queries)
    for name in set(BRANCHES) - found.keys():  # of an earlier search with more branches
        (out / "branches" / f"{name}.csv").unlink(missing_ok=True)
    for name, pairs in found.items():
        pairs.best_first().write_csv(out / "branches" / f"{name}.csv")
    result = SearchResult(
        out,
        preset,
        predictions,
        answers,
        decided,
        found,
        candidates,
        queries,
        index.images,
        query_features,
        index.features,
        None if crops is None else crops.local,
        tuple(stages),
    )
    write_failures(out / "failures.csv", result.failures)
    return result


def _global_candidates(
    index: Index,
    queries: ImageList,
    crops: CropBranch | None,
    preset: Preset,
    background: ImageList | None,
    work: Path,
    extracted: Path,
    stages: list[StageResult],
) -> tuple[Pairs, Pairs]:
    """What whole queries find alone, and what the branch proposes, with the crops' share."""
    assert index.descriptors is not None, "checked by _require"
    references = index.descriptors

    def describe(name: str, images: ImageList, part: str) -> tuple[DescriptorSet, str]:
        name_of_set = part if part == "query" else f"{part}_{hash_value(hash_images(images))[:8]}"
        folder = extracted / f"{name_of_set}_descriptors"
        stages.append(descriptor_stage(name, images, preset.encoder, folder, part))
        described = read_descriptors(folder / "descriptors.h5", part)
        require_some(len(described), images, stages[-1])
        return described, hash_file(folder / "descriptors.h5")

    inputs, known = {"reference": index.descriptors_fingerprint}, None
    if background is not None:
        known, inputs["background"] = describe("background descriptors", background, "background")

    def candidates(name: str, described_as: str, images: ImageList, part: str) -> Pairs:
        described, digest = describe(described_as, images, part)
        folder = work / name.replace(" ", "_")
        found = topk_stage(described, references, known, preset.topk, inputs | {"query": digest}, folder)
        stages.append(replace(found, name=name))
        return read_rows(folder)

    whole = candidates("global candidates", "query descriptors", queries, "query")
    if crops is None:
        return whole, whole
    return whole, crops.alike_candidates(
        whole, lambda images: candidates("global crop candidates", "crop descriptors", images, "crop")
    )


def _compared(
    proposed: dict[str, Pairs],
    whole_query_candidates: Pairs | None,
    queries: FeatureSource,
    references: FeatureSource,
    crops: CropBranch | None,
    preset: Preset,
    work: Path,
    stages: list[StageResult],
) -> Candidates:
    """What crops vote for, compared with these crops; all other candidates with whole queries."""
    whole = [pairs for name, pairs in proposed.items() if name != "crop"]
    pairs = union_pairs(whole if whole_query_candidates is None else [*whole, whole_query_candidates])
    stages.append(score_stage(pairs, queries, references, preset.match, work / "match_scores"))
    parts = [] if crops is None else crops.evidence(references)
    return Candidates(proposed, read_evidence(work / "match_scores"), parts, whole_query_candidates)


def _require(index: Index, preset: Preset, branches: tuple[str, ...]) -> None:
    for name in indexed(branches):
        if name not in index.branches:
            raise InputError(
                f"{index.folder} was built with branches {','.join(index.branches)}, not {name}: build an index with --branches {name}"
            )
    for key in ("sift", "encoder"):
        if getattr(preset, key) != getattr(index.preset, key):
            raise InputError(
                f"{index.folder} was built with {getattr(index.preset, key)}, now it is {getattr(preset, key)}: build another"
            )
