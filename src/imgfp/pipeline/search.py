"""Queries against an index: the branches' candidates, their match scores, one ranking."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imgfp.errors import InputError
from imgfp.files import hash_file, hash_value
from imgfp.fusion import best_answers, sum_scores, unite, verified
from imgfp.images import Failure, ImageList, write_failures
from imgfp.local.store import FeatureSource, FeatureStore
from imgfp.pipeline.candidates import read_rows, topk_stage, vote_stage
from imgfp.pipeline.describe import descriptor_stage
from imgfp.pipeline.descriptor_index import open_descriptor_index
from imgfp.pipeline.features import feature_stage
from imgfp.pipeline.index import Index, build_index, located, open_index
from imgfp.pipeline.inputs import hash_images
from imgfp.pipeline.parts import require_some
from imgfp.pipeline.presets import BRANCHES, Preset, needs_features, refuse_idle_background
from imgfp.pipeline.score import score_stage
from imgfp.pipeline.stage import StageResult
from imgfp.records import DescriptorSet, Pairs, read_descriptors


@dataclass(frozen=True)
class SearchResult:
    """What a search found. `branches`: the pairs as each branch alone would give them, "local" and "global"."""

    out: Path
    preset: Preset
    predictions: Pairs
    branches: dict[str, Pairs]
    queries: ImageList
    references: ImageList
    query_features: FeatureSource | None
    reference_features: FeatureSource | None
    stages: tuple[StageResult, ...]

    @property
    def summary(self) -> str:
        """What was found, in one line."""
        pairs = self.predictions
        text = f"{len(pairs)} pairs for {len(np.unique(pairs.query_ids))} of {len(self.queries)} queries among {len(self.references)} references"
        alike = int((pairs.scores < 1).sum())
        return (
            f"{text}, {alike} of them by resemblance alone (score below 1)"
            if self.preset.fusion.rule == "verified"
            else text
        )

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
        InputError: a branch that the index was built without, other extraction settings, no readable query or reference.
    """
    preset = located(preset)
    _require(index, preset, branches)
    if background is not None:
        refuse_idle_background(preset, branches)
    work = out / "work"
    extracted = extracted or work
    stages = list(before or [])
    local_pairs, global_pairs = None, None
    query_features = None
    if needs_features(preset, branches):
        stages.append(feature_stage("query features", queries, preset.sift, extracted / "query_features"))
        query_features = FeatureStore(extracted / "query_features", verify=False)
        require_some(len(query_features), queries, stages[-1])
    if "local" in branches and query_features is not None and index.features is not None:
        nearest, built = open_descriptor_index(index.folder, index.features, preset.index)
        stages += built
        stages.append(vote_stage(query_features, nearest, preset.vote, work / "local_candidates"))
        local_pairs = read_rows(work / "local_candidates")
    if "global" in branches:
        global_pairs = _global_candidates(index, queries, preset, background, work, extracted, stages)

    rated = None
    if query_features is not None and index.features is not None:
        candidates = [pairs for pairs in (local_pairs, global_pairs) if pairs is not None]
        stages.append(
            score_stage(unite(candidates), query_features, index.features, preset.match, work / "match_scores")
        )
        rated = read_rows(work / "match_scores")
    found = _branch_results(preset, local_pairs, global_pairs, rated)
    predictions = _fuse(preset, found, global_pairs, rated)
    predictions.best_first().write_csv(out / "predictions.csv")
    for name in set(BRANCHES) - found.keys():  # of an earlier search with more branches
        (out / "branches" / f"{name}.csv").unlink(missing_ok=True)
    for name, pairs in found.items():
        pairs.best_first().write_csv(out / "branches" / f"{name}.csv")
    result = SearchResult(
        out,
        preset,
        predictions.best_first(),
        found,
        queries,
        index.images,
        query_features,
        index.features,
        tuple(stages),
    )
    write_failures(out / "failures.csv", result.failures)
    return result


def _global_candidates(
    index: Index,
    queries: ImageList,
    preset: Preset,
    background: ImageList | None,
    work: Path,
    extracted: Path,
    stages: list[StageResult],
) -> Pairs:
    assert index.descriptors is not None, "checked by _require"

    def describe(name: str, images: ImageList, part: str) -> tuple[DescriptorSet, str]:
        name_of_set = part if part == "query" else f"{part}_{hash_value(hash_images(images))[:8]}"
        folder = extracted / f"{name_of_set}_descriptors"
        stages.append(descriptor_stage(name, images, preset.encoder, folder, part))
        described = read_descriptors(folder / "descriptors.h5", part)
        require_some(len(described), images, stages[-1])
        return described, hash_file(folder / "descriptors.h5")

    query, query_hash = describe("query descriptors", queries, "query")
    inputs = {"query": query_hash, "reference": index.descriptors_identity}
    known = None
    if background is not None:
        known, inputs["background"] = describe("background descriptors", background, "background")
    stages.append(topk_stage(query, index.descriptors, known, preset.topk, inputs, work / "global_candidates"))
    return read_rows(work / "global_candidates")


def _branch_results(
    preset: Preset, local_pairs: Pairs | None, global_pairs: Pairs | None, rated: Pairs | None
) -> dict[str, Pairs]:
    """Each branch as it would answer alone."""
    found: dict[str, Pairs] = {}
    if rated is None:
        return {} if global_pairs is None else {"global": best_answers(global_pairs, preset.fusion.answers)}
    for name, pairs in (("local", local_pairs), ("global", global_pairs)):
        if pairs is not None:
            own = _only(rated, pairs)
            similar = global_pairs if name == "global" else None
            found[name] = own if preset.fusion.rule == "sum" else verified(own, similar, preset.fusion.answers)
    return found


def _fuse(preset: Preset, found: dict[str, Pairs], global_pairs: Pairs | None, rated: Pairs | None) -> Pairs:
    if preset.fusion.rule == "sum":
        return sum_scores([found[name] for name in ("global", "local") if name in found])
    if rated is None:
        return found["global"]
    return verified(rated, global_pairs, preset.fusion.answers)


def _only(rated: Pairs, wanted: Pairs) -> Pairs:
    """The rated pairs that are among the wanted ones."""
    keys = set(wanted.id_pairs())
    mask = [pair in keys for pair in rated.id_pairs()]
    return rated.take(np.array(mask, dtype=bool))


def _require(index: Index, preset: Preset, branches: tuple[str, ...]) -> None:
    for name in branches:
        if name not in index.branches:
            raise InputError(
                f"{index.folder} was built with branches {','.join(index.branches)}, not {name}: build an index with --branches {name}"
            )
    for key in ("sift", "encoder"):
        if getattr(preset, key) != getattr(index.preset, key):
            raise InputError(
                f"{index.folder} was built with {getattr(index.preset, key)}, now it is {getattr(preset, key)}: build another"
            )
