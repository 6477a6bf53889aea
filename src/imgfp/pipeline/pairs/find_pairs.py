"""From a folder of photographs to the pairs that structure from motion should match: rank, choose, verify, write."""

from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from imgfp.errors import InputError
from imgfp.images import Failure, ImageList
from imgfp.local.store import FeatureStore
from imgfp.mirror.describe import RegionsConfig
from imgfp.mirror.select import Candidates, GrowConfig, grow, knn, require_method, trees
from imgfp.mirror.view_graph import ViewGraph
from imgfp.pipeline.pairs.keypoints import KeypointConfig
from imgfp.pipeline.pairs.rank import candidate_pairs
from imgfp.pipeline.pairs.stages import StoredVerifier, keypoint_stage
from imgfp.pipeline.pairs.verify import VerifyConfig
from imgfp.pipeline.stages.inputs import claim_images
from imgfp.pipeline.stages.plan import claim_folder
from imgfp.pipeline.stages.regions import region_shards, region_stage
from imgfp.pipeline.stages.stage import StageResult
from imgfp.progress import announce
from imgfp.threads import thread_count

# rough costs on one core, to say beforehand what a run will need
_SECONDS_PER_PHOTOGRAPH, _SECONDS_PER_PAIR, _MB_PER_PHOTOGRAPH = 0.3, 0.015, 0.45


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
    """

    images: ImageList
    work: Path
    graph: ViewGraph
    features: FeatureStore
    verifier: StoredVerifier
    stages: tuple[StageResult, ...]
    failures: tuple[Failure, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The photographs of the graph."""
        return self.graph.names


def find_pairs(images: ImageList, work: Path, config: PairsConfig | None = None) -> PairsResult:
    """Chooses and verifies the pairs of a set of photographs; rerun with the same folder to resume.

    Args:
        images: The photographs.
        work: Folder of the features and verified matches.
        config: The settings; None: the defaults.

    Raises:
        InputError: fewer than two readable photographs, or `work` was made from other images or settings.
    """
    settings = config or PairsConfig()
    made_with = asdict(settings) | {"regions": settings.regions.made_with()}
    claim_folder(work, {"settings": made_with, "images": claim_images(work, images)})
    _announce_needs(len(images), settings)
    described = region_stage("regions", images, settings.regions, work / "regions")
    found = keypoint_stage(images, settings.keypoints, work / "keypoints")
    failures = tuple({failure.path: failure for stage in (described, found) for failure in stage.failures}.values())
    features = FeatureStore(work / "keypoints", verify=False)
    if len(features) < 2:
        raise InputError(
            f"{images.root}: {len(features)} readable photographs of {len(images)}: pairs need at least two"
            + (f" (first failure: {failures[0].path}: {failures[0].reason})" if failures else "")
        )
    shards = region_shards(work / "regions")
    candidates = candidate_pairs(shards, features.ids, settings.top, settings.mutual, settings.min_score)
    verifier = StoredVerifier(features, settings.verify, work / "verified")
    rows, inliers = _chosen(candidates, verifier, settings)
    path_of = dict(zip(images.ids, images.paths, strict=True))
    names = tuple(path_of[image_id].relative_to(images.root).as_posix() for image_id in features.ids)
    graph = ViewGraph(names, candidates.pairs[rows], candidates.scores[rows], inliers, settings.verify.min_inliers)
    verified = () if verifier.total is None else (verifier.total,)
    return PairsResult(images, work, graph, features, verifier, (described, found, *verified), failures)


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
        f"{count:,} photographs: features about {count * _SECONDS_PER_PHOTOGRAPH / cores / 60:,.1f} min and "
        f"{max(1, round(count * _MB_PER_PHOTOGRAPH)):,} MB on disk; at most {pairs:,} pairs to verify, about "
        f"{pairs * _SECONDS_PER_PAIR / cores / 60:,.1f} min ({cores} cores)"
    )
