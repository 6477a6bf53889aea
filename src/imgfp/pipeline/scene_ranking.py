"""Ranks photographs by overlap: describe -> rank by the network -> verify its first answers by keypoints -> rank again.

Describing, keypoints and verification are stages, each in a folder that is named after what it is made from: a killed run
resumes, and a run with other settings reuses every step that they do not affect.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import perf_counter

import numpy as np

from imgfp.errors import InputError
from imgfp.files import hash_value
from imgfp.images import Failure, ImageList
from imgfp.local.store import FeatureStore
from imgfp.mirror.describe import RegionsConfig
from imgfp.mirror.query import DATABASE, QueryConfig, query
from imgfp.mirror.ranking import Ranking
from imgfp.mirror.rerank import rerank, shared_points
from imgfp.pipeline.pairs.keypoints import KeypointConfig
from imgfp.pipeline.pairs.stages import StoredVerifier, keypoint_stage
from imgfp.pipeline.pairs.verify import VerifyConfig
from imgfp.pipeline.stages.regions import region_stage
from imgfp.pipeline.stages.stage import StageResult
from imgfp.pipeline.stages.stored_regions import StoredRegions
from imgfp.records.match_pairs import MatchPairs


@dataclass(frozen=True)
class RerankConfig:
    """How the network's answers are ranked again.

    Attributes:
        candidates: Answers per query that are verified, the query itself not counted; 0: the network's ranking stays.
        network_weight: Weight of the network's similarity against the logarithm of the shared points. With 2, a difference of 0.1
            is worth a fifth more points.
    """

    candidates: int = 50
    network_weight: float = 2.0

    def __post_init__(self) -> None:
        if self.candidates < 0:
            raise InputError(f"rerank.candidates={self.candidates}: must be an integer >= 0")
        if not self.network_weight >= 0:
            raise InputError(f"rerank.network_weight={self.network_weight}: must be >= 0")


@dataclass(frozen=True)
class SceneRankingConfig:
    """The settings of all steps; `query.top` is the number of answers per query, the query itself included."""

    regions: RegionsConfig = field(default_factory=RegionsConfig)
    query: QueryConfig = field(default_factory=QueryConfig)
    rerank: RerankConfig = field(default_factory=RerankConfig)
    keypoints: KeypointConfig = field(default_factory=KeypointConfig)
    verify: VerifyConfig = field(default_factory=VerifyConfig)

    def __post_init__(self) -> None:
        if self.rerank.candidates and self.query.similarity.euclidean:
            raise InputError("similarity.euclidean=true: distances cannot be ranked again: set rerank.candidates=0")
        if self.rerank.candidates >= self.query.top:
            raise InputError(
                f"rerank.candidates={self.rerank.candidates}: must be below answers={self.query.top}, which count the query too"
            )


@dataclass(frozen=True)
class SceneRanking:
    """Answers by position in the lists of queries and of the database.

    `network`: before verification. `answers`: the final ranking. `pairs`: how many were verified. `seconds`: wall seconds per
    photograph by step, without steps whose stored result was reused. `two_stages`: whether a search was approximate, see
    `imgfp.mirror.two_stage`. `fitted`: whether the whitening was fitted on this database.
    """

    network: MatchPairs
    answers: MatchPairs
    pairs: int
    seconds: dict[str, float]
    failures: tuple[Failure, ...]
    two_stages: bool
    fitted: bool


def rank_scenes(
    root: Path, database: Sequence[str], queries: Sequence[str], work: Path, config: SceneRankingConfig
) -> SceneRanking:
    """Ranks the database for each query; rerun with the same folder to resume.

    Args:
        root: Folder of the photographs.
        database, queries: Their names, relative to `root`; a photograph may be in both.
        work: Folder of the stages.
        config: The settings.

    Returns:
        The rankings. A photograph that cannot be read is a failure: it is no answer, and as a query it has none.

    Raises:
        InputError: no photograph of the database or of the queries could be read, or settings that do not fit together.
    """
    names = tuple(dict.fromkeys((*database, *queries)))
    images = ImageList(root, names, tuple(root / name for name in names))
    made_with = config.regions.made_with()
    folder = work / f"regions-{hash_value(made_with)[:12]}"
    described = region_stage("regions", images, config.regions, folder)
    regions = StoredRegions.open(folder)
    row_of = {name: row for row, name in enumerate(regions.ids)}
    in_database, in_queries = (
        np.array([n for n, name in enumerate(each) if name in row_of]) for each in (database, queries)
    )
    for what, kept in (("database", in_database), ("queries", in_queries)):
        if not len(kept):
            raise InputError(f"{root}: no image of the {what} could be read: {described.failures[0].reason}")
    database_regions = regions.select([row_of[database[n]] for n in in_database])
    query_regions = None
    if tuple(database) != tuple(queries):
        query_regions = regions.select([row_of[queries[n]] for n in in_queries])
    started = perf_counter()
    answered = query(database_regions, query_regions, config.query)
    network = answered.ranking
    seconds = {"describe": _per_item(described), "rank": (perf_counter() - started) / len(names)}
    answers, pairs, failures = network, 0, {failure.path: failure for failure in described.failures}
    if config.rerank.candidates:
        found = keypoint_stage(
            images, config.keypoints, work / f"keypoints-{hash_value(asdict(config.keypoints))[:12]}"
        )
        failures |= {failure.path: failure for failure in found.failures}
        assert found.folder is not None, "keypoints are stored"
        features = FeatureStore(found.folder, verify=False)
        ids = (tuple(queries[n] for n in in_queries), tuple(database[n] for n in in_database))
        answers, verification = _reranked(network, *ids, features, work, config)
        pairs = verification.items
        seconds["rank"] = (perf_counter() - started - found.seconds - verification.seconds) / len(names)
        seconds |= {"keypoints": _per_item(found), "verify": _per_item(verification) * pairs / len(names)}
    known = {step: value for step, value in seconds.items() if not np.isnan(value)}
    return SceneRanking(
        network.match_pairs(in_queries, in_database),
        answers.match_pairs(in_queries, in_database),
        pairs,
        known,
        tuple(failures.values()),
        answered.two_stages,
        answered.whitening is not None and config.query.whitening.fit_on == DATABASE,
    )


def _reranked(
    network: Ranking,
    queries: Sequence[str],
    database: Sequence[str],
    features: FeatureStore,
    work: Path,
    config: SceneRankingConfig,
) -> tuple[Ranking, StageResult]:
    """The final ranking of the photographs with these names, and the verification as one stage."""
    position = {name: row for row, name in enumerate(dict.fromkeys((*features.ids, *queries, *database)))}
    query_positions, database_positions = (
        np.array([position[name] for name in names]) for names in (queries, database)
    )
    pairs = _pairs_to_verify(network, query_positions, database_positions, config.rerank.candidates, len(features))
    made_from = [asdict(config.verify), features.fingerprint, pairs]
    verifier = StoredVerifier(features, config.verify, work / f"verified-{hash_value(made_from)[:12]}")
    verifier(pairs)
    verified = ((pair, item.matches) for pair, item in verifier.results() if item.inliers >= config.verify.min_inliers)
    points = shared_points(len(position), verified)
    total = verifier.total
    assert total is not None, "called once"
    return rerank(network, query_positions, database_positions, points, config.rerank.network_weight), total


def _pairs_to_verify(
    network: Ranking, queries: np.ndarray, database: np.ndarray, candidates: int, readable: int
) -> list[tuple[int, int]]:
    """Each query with its first answers, as pairs of positions below `readable`, each once, those of a photograph together."""
    found = set()
    for query_position, answers in zip(queries.tolist(), database[network.indices], strict=True):
        others = [int(answer) for answer in answers if answer != query_position][:candidates]
        ordered = {(min(query_position, other), max(query_position, other)) for other in others}
        found |= {pair for pair in ordered if pair[1] < readable}
    return sorted(found)


def _per_item(stage: StageResult) -> float:
    """Wall seconds per item of what was computed now; NaN where nothing was."""
    done = stage.items - stage.reused
    return stage.seconds / done if done else float("nan")
