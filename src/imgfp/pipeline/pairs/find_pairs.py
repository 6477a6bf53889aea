"""From a folder of photographs to the pairs that structure from motion should match: rank, choose, verify, write."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from imgfp.errors import InputError
from imgfp.files import hash_value
from imgfp.images import UNREADABLE, Failure, ImageList
from imgfp.local.store import FeatureStore
from imgfp.mirror.describe import RegionsConfig
from imgfp.mirror.select import Candidates, GrowConfig, grow, knn, require_method, trees
from imgfp.mirror.view_graph import ViewGraph
from imgfp.pipeline.pairs.keypoints import KeypointConfig
from imgfp.pipeline.pairs.rank import candidate_pairs
from imgfp.pipeline.pairs.stages import StoredVerifier, keypoint_stage
from imgfp.pipeline.pairs.verify import VerifyConfig
from imgfp.pipeline.stages.inputs import claim_images
from imgfp.pipeline.stages.regions import region_shards, region_stage
from imgfp.pipeline.stages.stage import StageResult
from imgfp.progress import announce
from imgfp.threads import thread_count

# rough costs on one core, to say beforehand what a run will need; the network and the worker processes take a while to start
_SECONDS_TO_START, _SECONDS_PER_PHOTOGRAPH, _SECONDS_PER_PAIR, _MB_PER_PHOTOGRAPH = 40, 0.3, 0.015, 0.45


@dataclass(frozen=True)
class PairsConfig:
    """How pairs are chosen and verified.

    Attributes:
        select: "grow", "trees" or "knn", see `imgfp.mirror.select`.
        top: Most pairs per photograph.
        budget: Most pairs that are tested in all; None: no bound but `top`.
        mutual: Only pairs in which each photograph is among the `top` nearest of the other.
        min_score: Only pairs with at least this similarity, -1..1.
        regions, keypoints, verify: Settings of the steps.
    """

    select: str = "grow"
    top: int = 20
    budget: int | None = None
    mutual: bool = False
    min_score: float | None = None
    regions: RegionsConfig = field(default_factory=RegionsConfig)
    keypoints: KeypointConfig = field(default_factory=KeypointConfig)
    verify: VerifyConfig = field(default_factory=VerifyConfig)

    def __post_init__(self) -> None:
        require_method(self.select)
        for name, value in (("top", self.top), ("budget", self.budget)):
            if value is not None and value < 1:
                raise InputError(f"{name}={value}: must be an integer >= 1")
        if self.min_score is not None and not -1 <= self.min_score <= 1:
            raise InputError(f"min-score={self.min_score}: similarities are from -1 to 1")


@dataclass(frozen=True)
class PairsResult:
    """The view graph of a set of photographs and where it is stored.

    `names`: the photographs that could be read, relative to `images.root`, in the order of `graph` and `features`.
    `identical`: the names of each set of files with the same bytes.
    """

    images: ImageList
    work: Path
    graph: ViewGraph
    features: FeatureStore
    verifier: StoredVerifier
    stages: tuple[StageResult, ...]
    failures: tuple[Failure, ...]
    identical: tuple[tuple[str, ...], ...]

    def facts(self) -> dict[str, Any]:
        """The facts of the graph and the identical files as plain JSON values."""
        return self.graph.facts() | {"identical_files": [list(names) for names in self.identical]}

    @property
    def names(self) -> tuple[str, ...]:
        """The photographs of the graph."""
        return self.graph.names


def find_pairs(images: ImageList, work: Path, config: PairsConfig | None = None) -> PairsResult:
    """Chooses and verifies the pairs of a set of photographs; rerun with the same folder to resume.

    Each step has a folder that is named after what it is made from: a run with other settings reuses every step that they do not
    affect, and every pair that was verified before.

    Args:
        images: The photographs.
        work: Folder of the features and verified matches.
        config: The settings; None: the defaults.

    Raises:
        InputError: fewer than two readable photographs, or `work` was made from other images.
    """
    settings = config or PairsConfig()
    if len(images) < 2:
        raise InputError(f"{images.root}: {len(images)} photographs: pairs need at least two")
    claim_images(work, images, "give another output file, or delete this folder")
    _announce_needs(len(images), settings)
    regions = _step_folder(work, "regions", settings.regions.made_with())
    described = region_stage("regions", images, settings.regions, regions)
    keypoints = _step_folder(work, "keypoints", asdict(settings.keypoints))
    found = keypoint_stage(images, settings.keypoints, keypoints)
    failures = tuple({failure.path: failure for stage in (described, found) for failure in stage.failures}.values())
    features = FeatureStore(keypoints, verify=False)
    if len(features) < 2:
        raise InputError(
            f"{images.root}: {len(features)} readable photographs of {len(images)}: pairs need at least two"
            + (f" (first failure: {failures[0].path}: {failures[0].reason})" if failures else "")
        )
    shards = region_shards(regions)
    candidates = candidate_pairs(shards, features.ids, settings.top, settings.mutual, settings.min_score)
    verified_in = _step_folder(work, "verified", [asdict(settings.verify), features.fingerprint])
    verifier = StoredVerifier(features, settings.verify, verified_in)
    rows, inliers = _chosen(candidates, verifier, settings)
    name_of = {i: path.relative_to(images.root).as_posix() for i, path in zip(images.ids, images.paths, strict=True)}
    names = tuple(name_of[image_id] for image_id in features.ids)
    graph = ViewGraph(names, candidates.pairs[rows], candidates.scores[rows], inliers, settings.verify.min_inliers)
    verified = () if verifier.total is None else (verifier.total,)
    hashes = json.loads((work / "images.json").read_bytes())
    identical = _identical((name_of[image_id], digest) for image_id, digest in hashes)
    return PairsResult(images, work, graph, features, verifier, (described, found, *verified), failures, identical)


def _step_folder(work: Path, name: str, made_from: Any) -> Path:
    return work / f"{name}-{hash_value(made_from)[:12]}"


def _identical(hashes: Iterable[tuple[str, str]]) -> tuple[tuple[str, ...], ...]:
    """The names of each set of files with the same hash, in their order."""
    sets: dict[str, list[str]] = {}
    for name, digest in hashes:
        sets.setdefault(digest, []).append(name)
    return tuple(tuple(names) for digest, names in sets.items() if len(names) > 1 and digest != UNREADABLE)


def _chosen(candidates: Candidates, verifier: StoredVerifier, settings: PairsConfig) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the tested candidates and their inliers, in the order of testing."""
    if settings.select == "grow":
        bounds = GrowConfig(top=settings.top, budget=settings.budget, min_inliers=settings.verify.min_inliers)
        return grow(candidates, verifier, bounds)
    rows = (trees if settings.select == "trees" else knn)(candidates, settings.top, settings.budget)
    pairs = [(int(first), int(second)) for first, second in candidates.pairs[rows]]
    return rows, np.array(verifier(pairs) if pairs else [], np.int64)


def _announce_needs(count: int, settings: PairsConfig) -> None:
    pairs = min(count * (count - 1) // 2, count * settings.top // 2)
    pairs = pairs if settings.budget is None else min(pairs, settings.budget)
    cores = thread_count()
    announce(
        f"{count:,} photographs: features {_duration(_SECONDS_TO_START + count * _SECONDS_PER_PHOTOGRAPH / cores)} and "
        f"{max(1, round(count * _MB_PER_PHOTOGRAPH)):,} MB on disk; at most {pairs:,} pairs to verify, "
        f"{_duration(pairs * _SECONDS_PER_PAIR / cores)} ({cores} cores)"
    )


def _duration(seconds: float) -> str:
    return "less than a minute" if seconds < 60 else f"about {round(seconds / 60):,} min"
