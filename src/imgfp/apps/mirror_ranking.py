"""The ranking that evaluate/mirror.py makes and judges where no existing result is given."""

import sys
from pathlib import Path

from imgfp.apps.schemas import MirrorApp
from imgfp.datasets.matchable_set import MatchableSet
from imgfp.mirror.describe import RegionsConfig
from imgfp.mirror.query import QueryConfig, WhiteningConfig
from imgfp.mirror.similarity import SimilarityConfig
from imgfp.pipeline.pairs.keypoints import KeypointConfig
from imgfp.pipeline.pairs.verify import VerifyConfig
from imgfp.pipeline.scene_ranking import RerankConfig, SceneRanking, SceneRankingConfig, rank_scenes


def ranking_of(app: MirrorApp, data: MatchableSet) -> SceneRanking:
    """Ranks the database of a benchmark for each of its queries, best first; failures are printed by name."""
    made = rank_scenes(data.root, data.database, data.queries, Path(app.paths.work) / "stages", ranking_config(app))
    for failure in made.failures:
        print(f"{failure.path}: {failure.reason}: left out", file=sys.stderr)
    return made


def ranking_config(app: MirrorApp) -> SceneRankingConfig:
    """The typed settings of the ranking; InputError where one of its parts refuses a value."""
    return SceneRankingConfig(
        RegionsConfig(**vars(app.regions) | {"rmac_step": tuple(app.regions.rmac_step)}),
        QueryConfig(
            app.answers,
            SimilarityConfig(app.similarity.measure, app.similarity.euclidean),  # type: ignore[arg-type]  # checked there
            WhiteningConfig(**vars(app.whitening)),
            **vars(app.expansion) | {"search": app.similarity.search},
        ),
        RerankConfig(**vars(app.rerank)),
        KeypointConfig(**vars(app.keypoints)),
        VerifyConfig(**vars(app.verify)),
    )
