"""imgFp's match rule against its definition in plain Python, and pairs compared in any order."""

from types import SimpleNamespace

import numpy as np
import pytest

from imgfp.local.features import LocalFeatures, transform_descriptors, transforms_for
from imgfp.local.match import MatchInput, match
from imgfp.local.verify import MatchConfig, compare_pair
from imgfp.pipeline.stages.score import compare_pairs


def made(seed: int, count: int, extent: float, high: int) -> LocalFeatures:
    """Keypoints within `extent` pixels, so that many share a rounded position; few descriptor values make ties."""
    rng = np.random.default_rng(seed)
    keypoints = rng.uniform(-2, extent, (count, 4)).astype(np.float32)
    return LocalFeatures(keypoints, rng.integers(0, high, (count, 128), dtype=np.uint8), 300, 300)


def by_definition(query: LocalFeatures, reference: LocalFeatures, transform, ratio: float) -> list[list[int]]:
    kept: list[list[int]] = []
    places = [np.rint(side.keypoints[:, :2]).astype(int).tolist() for side in (reference, query)]
    changed = transform_descriptors(reference.descriptors, transform).astype(int)
    for number, descriptor in enumerate(changed):
        squared = ((query.descriptors.astype(int) - descriptor) ** 2).sum(1)
        order = np.argsort(squared, kind="stable")[:2]
        best, second = np.float32(squared[order[0]]), np.float32(squared[order[1]])
        if not np.float32(ratio) * best < second:
            continue
        found, merged = [number, int(order[0]), int(squared[order[0]])], False
        for place, other in enumerate(kept):
            if any(places[side][found[side]] == places[side][other[side]] for side in (0, 1)):
                merged = True
                if found[2] <= other[2]:
                    kept[place] = found
        if not merged:
            kept.append(found)
    return [item[:2] for item in kept]


@pytest.mark.parametrize(("count", "extent"), [(90, 3.0), (150, 12.0), (300, 200.0)])
@pytest.mark.parametrize("transforms", [transforms_for(m, i) for m in (False, True) for i in (False, True)])
def test_equals_the_definition(count: int, extent: float, transforms) -> None:
    query, reference = made(1, count, extent, 3), made(2, count + 20, extent, 3)
    merged = 0
    for ratio in (1.0, 1.02):
        found = match(MatchInput(query, transforms), MatchInput(reference, transforms), ratio)
        for item, transform in zip(found, transforms, strict=True):
            assert item.transform == transform
            assert item.rows.tolist() == by_definition(query, reference, transform, ratio)
            merged += len(item) > 1
    assert merged > 0


def test_pairs_keep_their_order_and_each_reference_is_read_once() -> None:
    features = {name: made(number, 60, 200.0, 3) for number, name in enumerate(("Q1", "Q2", "R1", "R2"))}
    read: list[str] = []

    def source(*ids: str) -> SimpleNamespace:
        def get(row: int) -> LocalFeatures:
            read.append(ids[row])
            return features[ids[row]]

        return SimpleNamespace(ids=ids, get=get)

    pairs = [("Q1", "R1"), ("Q1", "R2"), ("Q2", "R1"), ("Q2", "missing"), ("missing", "R1"), ("Q2", "R2"), ("Q1", "R1")]
    config = MatchConfig(score="count", ratio=1.0)
    found = compare_pairs(pairs, source("Q1", "Q2"), source("R1", "R2"), config)
    assert sorted(read) == ["Q1", "Q2", "R1", "R2"]
    for (query, reference), item in zip(pairs, found, strict=True):
        if "missing" in (query, reference):
            assert item is None
            continue
        assert item is not None
        wanted = compare_pair(
            MatchInput(features[query], config.transforms), MatchInput(features[reference], config.transforms), config
        )
        assert (item.found.score, item.found.transform) == (wanted.score, wanted.transform)
        np.testing.assert_array_equal(item.found.lines, wanted.lines)
