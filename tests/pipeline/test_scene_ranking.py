"""Photographs of two places ranked from files: by the network, then by what verification found; resumed; bad input."""

from dataclasses import replace

import numpy as np
import pytest
from overlapping import in_process
from photographs import photograph

from imgfp.errors import InputError
from imgfp.mirror.query import QueryConfig, WhiteningConfig
from imgfp.mirror.similarity import SimilarityConfig
from imgfp.pipeline.scene_ranking import RerankConfig, SceneRankingConfig, rank_scenes

__all__ = ["in_process"]
pytestmark = pytest.mark.usefixtures("in_process")
CONFIG = SceneRankingConfig(
    query=QueryConfig(top=8, whitening=WhiteningConfig(fit_on="none")), rerank=RerankConfig(candidates=7)
)


def names_of(folder):
    """Four overlapping parts of each of two photographs."""
    names = []
    for scene in ("astronaut", "coffee"):
        for number, left in enumerate((0, 15, 30, 45)):
            names.append(f"{scene}{number}.png")
            photograph(scene).crop((left, 0, left + 200, 230)).save(folder / names[-1])
    return names


def test_two_places(tmp_path):
    names = names_of(tmp_path)
    (tmp_path / "broken.png").write_bytes(b"no image")
    database = [*names[:4], "broken.png", *names[4:]]
    made = rank_scenes(tmp_path, database, database, tmp_path / "work", CONFIG)
    answers = made.answers.answers_of(9)
    assert [failure.path.name for failure in made.failures] == ["broken.png"]
    assert not len(answers[4])
    assert set(made.seconds) == {"describe", "keypoints", "verify", "rank"}
    assert made.pairs == 8 * 7 // 2
    assert not made.fitted
    assert not made.two_stages
    for place in ((0, 1, 2, 3), (5, 6, 7, 8)):
        assert [answers[query][0] for query in place] == list(place)
        assert all(set(answers[query][:4]) == set(place) for query in place)
    assert answers[0][:4].tolist() == [0, 1, 2, 3]  # in the order of the overlap
    scores = made.answers.scores.reshape(8, 8)
    network = made.network.scores.reshape(8, 8)
    assert (scores[:, :4] > np.log(15)).all()
    assert scores[0, 4:] == pytest.approx(2 * network[0, 4:])

    again = rank_scenes(tmp_path, database, database, tmp_path / "work", CONFIG)
    assert set(again.seconds) == {"rank"}
    assert all(
        np.array_equal(getattr(again.answers, key), getattr(made.answers, key)) for key in ("database", "scores")
    )

    # queries that are not all in the database; the stages of the regions serve another ranking
    fitted = QueryConfig(top=2, whitening=WhiteningConfig(out_dim=4), search="two-stage")
    plain = replace(CONFIG, rerank=RerankConfig(candidates=0), query=fitted)
    alone = rank_scenes(tmp_path, names[1:], [names[0], names[5]], tmp_path / "other", plain)
    assert alone.pairs == 0
    assert alone.fitted
    assert alone.two_stages
    assert alone.answers.answers_of(2)[1][0] == 4
    assert np.array_equal(alone.answers.database, alone.network.database)


def test_bad_settings(tmp_path):
    for key, value, line in (("candidates", -1, "must be an integer >= 0"), ("network_weight", -0.5, "must be >= 0")):
        with pytest.raises(InputError, match=rf"rerank.{key}={value}: {line}"):
            RerankConfig(**{key: value})
    with pytest.raises(InputError, match=r"rerank.candidates=7: must be below answers=7, which count the query too"):
        replace(CONFIG, query=replace(CONFIG.query, top=7))
    with pytest.raises(InputError, match=r"similarity.euclidean=true: .*set rerank.candidates=0"):
        replace(CONFIG, query=replace(CONFIG.query, similarity=SimilarityConfig(euclidean=True)))
    with pytest.raises(InputError, match=r"none of its images could be read"):
        rank_scenes(tmp_path, ["absent.png"], ["absent.png"], tmp_path / "work", CONFIG)
