"""Similarities in blocks against plain loops; two stages against the exact search; query expansion."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgfp.errors import InputError
from imgfp.mirror import similarity, two_stage
from imgfp.mirror.expansion import expand_queries
from imgfp.mirror.ranking import Ranking
from imgfp.mirror.similarity import SimilarityConfig, search, vectors_of
from imgfp.mirror.two_stage import needs_two_stages, two_stage_search


def plain_score(query: np.ndarray, image: np.ndarray, config: SimilarityConfig) -> float:
    """One pair, region by region, in float64; a distance is small where the images are similar."""
    best = []
    for region in query.astype(np.float64):
        if config.euclidean:
            best.append(min(float(((region - other) ** 2).sum()) for other in image.astype(np.float64)))
        else:
            best.append(max(float(region @ other) for other in image.astype(np.float64)))
    return (max(best) if config.measure == "aml" else sum(best)) / len(image)


def features(seed: int, images: int, regions: int, dim: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((images, regions, dim)).astype(np.float32)


@given(
    seed=st.integers(0, 99),
    sizes=st.tuples(st.integers(1, 9), st.integers(1, 12), st.integers(1, 5), st.integers(1, 6)),
    measure=st.sampled_from(("prmac", "aml", "rmac", "mac")),
    euclidean=st.booleans(),
    itself=st.booleans(),
    blocks=st.tuples(st.integers(1, 12), st.integers(1, 5)),
)
def test_blocks_equal_a_plain_loop(
    seed: int,
    sizes: tuple[int, ...],
    measure: similarity.Measure,
    euclidean: bool,
    itself: bool,
    blocks: tuple[int, int],
) -> None:
    config = SimilarityConfig(measure, euclidean)
    database = vectors_of(features(seed, *sizes[1:]), config)
    queries = None if itself else vectors_of(features(seed + 100, sizes[0], *sizes[2:]), config)
    asked = database if queries is None else queries
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(similarity, "ROWS", blocks[0])
        patch.setattr(similarity, "COLUMNS", blocks[1])
        top = max(1, len(database) - 1)
        got = search(queries, database, top, config)
    wanted = np.array([[plain_score(query, image, config) for image in database] for query in asked])
    tolerance = 1e-5 if euclidean else 2e-6
    np.testing.assert_allclose(np.take_along_axis(wanted, got.indices, 1), got.scores, atol=tolerance, rtol=1e-5)
    assert all(len(set(row)) == top for row in got.indices.tolist())
    ordered = np.sort(wanted, 1)[:, :top] if euclidean else -np.sort(-wanted, 1)[:, :top]
    np.testing.assert_allclose(ordered, got.scores, atol=tolerance, rtol=1e-5)


def test_equal_scores_keep_the_order_of_the_database() -> None:
    database = np.repeat(vectors_of(features(0, 1, 3, 4), SimilarityConfig()), 7, axis=0)
    for queries in (None, database[:2]):
        found = search(queries, database, 5, SimilarityConfig())
        assert all(row == sorted(row) for row in found.indices.tolist()), found.indices
    assert search(None, database, 99, SimilarityConfig()).indices.shape == (7, 7)  # top beyond the database


def test_rmac_sums_before_it_normalises_and_mac_takes_the_first_region() -> None:
    values = np.array([[[3.0, 0.0], [0.0, 4.0]]], dtype=np.float32)
    assert vectors_of(values, SimilarityConfig("rmac")).tolist() == [[[pytest.approx(0.6), pytest.approx(0.8)]]]
    assert vectors_of(values, SimilarityConfig("mac")).tolist() == [[[1.0, 0.0]]]
    assert vectors_of(values * 0, SimilarityConfig()).tolist() == [[[0.0, 0.0], [0.0, 0.0]]]
    with pytest.raises(InputError, match=r"similarity.measure=max: must be one of prmac, aml, rmac, mac"):
        SimilarityConfig("max")  # type: ignore[arg-type]


def test_two_stages_give_exact_scores_of_their_candidates(monkeypatch: pytest.MonkeyPatch) -> None:
    config = SimilarityConfig()
    scenes = features(0, 30, 1, 16)
    database = vectors_of(np.repeat(scenes, 10, axis=0) + 0.7 * features(1, 300, 5, 16), config)
    monkeypatch.setattr(two_stage, "candidate_count", lambda top: 60)
    for queries in (None, database[::7]):
        exact, staged = search(queries, database, 10, config), two_stage_search(queries, database, 10)
        recall = np.mean([len({*a} & {*b}) / 10 for a, b in zip(exact.indices, staged.indices, strict=True)])
        assert recall >= 0.98
        for row, (chosen, scores) in enumerate(zip(staged.indices, staged.scores, strict=True)):
            query = (database if queries is None else queries)[row]
            assert scores[:2] == pytest.approx([plain_score(query, database[i], config) for i in chosen[:2]], abs=1e-6)
            assert (np.diff(scores) <= 0).all()


def test_with_all_images_as_candidates_two_stages_are_exact() -> None:
    database = vectors_of(features(2, 40, 4, 8), SimilarityConfig())
    exact, staged = search(None, database, 6, SimilarityConfig()), two_stage_search(None, database, 6)
    assert staged.indices.tolist() == exact.indices.tolist()
    np.testing.assert_allclose(staged.scores, exact.scores, atol=1e-6)


def test_two_stages_start_where_the_exact_search_is_long() -> None:
    many = np.broadcast_to(np.float32(0), (5001, 35, 1))
    assert needs_two_stages(5001, many, 20, SimilarityConfig())
    assert not needs_two_stages(55, many, 20, SimilarityConfig())
    assert not needs_two_stages(5001, many, 2000, SimilarityConfig())  # so many candidates save nothing
    for other in (SimilarityConfig("aml"), SimilarityConfig(euclidean=True)):
        assert not needs_two_stages(5001, many, 20, other)


def test_expansion_adds_weighted_regions() -> None:
    database = features(3, 5, 2, 3)
    queries = features(4, 2, 2, 3)
    ranking = Ranking(np.array([[4, 0, 1], [2, 3, 0]]), np.array([[0.9, 0.5, 0.1], [0.8, 0.2, 0.1]]))
    got = expand_queries(queries, database, ranking, 2)
    for query, region in product(range(2), range(2)):
        total = queries[query, region].astype(np.float64)
        for image, weight in zip(ranking.indices[query, :2], ranking.scores[query, :2], strict=True):
            total = total + weight * database[image, region]
        np.testing.assert_allclose(got[query, region], total / np.linalg.norm(total), atol=1e-6)
