"""Top-k search and score normalisation against their dense definitions."""

import numpy as np
import pytest

from imgfp.descriptors import search_topk
from imgfp.descriptors.topk import background_offset
from imgfp.errors import InputError
from imgfp.records import DescriptorSet


def made(seed: int, count: int, prefix: str, dim: int = 24) -> DescriptorSet:
    matrix = np.random.default_rng(seed).normal(size=(count, dim)).astype(np.float32)
    matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
    return DescriptorSet(np.array([f"{prefix}{n:04d}" for n in range(count)], dtype=str), matrix)


@pytest.mark.parametrize(("references", "answers"), [(1500, 1), (1500, 10), (7, 10), (1, 1), (7, 7)])
def test_equals_the_dense_definition(references: int, answers: int) -> None:
    query, reference = made(0, 33, "Q"), made(1, references, "R")
    pairs = search_topk(query, reference, answers)
    dense = query.matrix.astype(np.float64) @ reference.matrix.astype(np.float64).T
    order = np.argsort(-dense, axis=1)[:, :answers]
    assert pairs.query_ids.tolist() == np.repeat(query.ids, order.shape[1]).tolist()
    assert pairs.reference_ids.tolist() == reference.ids[order].ravel().tolist()
    np.testing.assert_allclose(pairs.scores, np.take_along_axis(dense, order, 1).ravel(), atol=1e-6)


def test_nothing_on_one_side() -> None:
    assert len(search_topk(made(0, 0, "Q"), made(1, 5, "R"), 3)) == 0
    assert len(search_topk(made(0, 5, "Q"), made(1, 0, "R"), 3)) == 0


@pytest.mark.parametrize("size", [1, 2, 3, 50])
def test_background_offset_is_the_mean_of_the_top_three(size: int) -> None:
    query, background = made(0, 9, "Q"), made(2, size, "T")
    dense = np.sort(query.matrix @ background.matrix.T, axis=1)[:, ::-1]
    np.testing.assert_allclose(background_offset(query, background), dense[:, :3].mean(axis=1), atol=1e-6)


def test_background_is_subtracted_and_keeps_a_query_s_order() -> None:
    query, reference, background = made(0, 9, "Q"), made(1, 40, "R"), made(2, 30, "T")
    plain, adjusted = (search_topk(query, reference, 4, each) for each in (None, background))
    assert plain.reference_ids.tolist() == adjusted.reference_ids.tolist()
    offsets = np.repeat(background_offset(query, background), 4)
    np.testing.assert_allclose(plain.scores - adjusted.scores, offsets, atol=1e-6)


def test_bad_input() -> None:
    query, reference = made(0, 3, "Q"), made(1, 4, "R")
    with pytest.raises(
        InputError, match="query dimension 24 differs from reference dimension 16: extract both with the same encoder"
    ):
        search_topk(query, made(1, 4, "R", dim=16), 1)
    with pytest.raises(InputError, match=r"topk\.k=0: must be >= 1"):
        search_topk(query, reference, 0)
    with pytest.raises(InputError, match="the background set has no descriptors: give a folder with readable images"):
        search_topk(query, reference, 1, made(2, 0, "T"))
    with pytest.raises(InputError, match="query dimension 24 differs from reference dimension 8"):
        search_topk(query, reference, 1, made(2, 5, "T", dim=8))
