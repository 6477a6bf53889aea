"""The ranking that evaluate/mirror.py makes and judges where no existing result is given."""

import sys
from pathlib import Path

from imgfp.apps.schemas import MirrorApp
from imgfp.datasets.matchable_set import MatchableSet
from imgfp.mirror.describe import RegionsConfig
from imgfp.mirror.query import QueryConfig, WhiteningConfig
from imgfp.mirror.similarity import SimilarityConfig
from imgfp.pipeline.scene_ranking import RerankConfig, SceneRanking, SceneRankingConfig, rank_scenes


def ranking_of(app: MirrorApp, data: MatchableSet) -> SceneRanking:
    """Ranks the database of a benchmark for each of its queries, best first; failures are printed by name."""
    made = rank_scenes(data.root, data.database, data.queries, Path(app.paths.work) / "stages", _config(app))
    for failure in made.failures:
        print(f"{failure.path}: {failure.reason}: left out", file=sys.stderr)
    return made


def _config(app: MirrorApp) -> SceneRankingConfig:
    regions, similarity, whitening = app.regions, app.similarity, app.whitening
    return SceneRankingConfig(
        RegionsConfig(
            regions.net,
            regions.weights,
            regions.img_size,
            regions.pool,
            tuple(regions.rmac_step),
            regions.multi_scale,
        ),
        QueryConfig(
            app.answers,
            SimilarityConfig(similarity.measure, similarity.euclidean),  # type: ignore[arg-type]  # it checks the name
            WhiteningConfig(whitening.fit_on, whitening.out_dim, whitening.variance_share),
            app.expansion.expand,
            app.expansion.rounds,
        ),
        RerankConfig(app.rerank.candidates, app.rerank.network_weight),
        app.keypoints,
        app.verify,
    )
