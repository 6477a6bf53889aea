"""The GPU's exact search, run on the CPU, against the CPU's own."""

import numpy as np
import pytest

from imgfp.local.features import transforms_for
from imgfp.local.index.neighbours import ExactIndex
from imgfp.local.index.torch_index import TorchIndex


class Source:
    """Three images, the second without keypoints."""

    def __init__(self, seed: int = 0) -> None:
        self.rows = np.random.default_rng(seed).integers(0, 50, (300, 128), dtype=np.uint8)
        self.rows[200:250] = self.rows[:50]  # ties
        self.ids, self.fingerprint, self.offsets = ("a", "b", "c"), "x", np.array([0, 120, 120, 300])

    def blocks(self):
        return iter((self.rows[:70], self.rows[70:]))


@pytest.mark.parametrize("k", [1, 8, 400])
def test_answers_are_those_of_the_exact_index(k: int, monkeypatch) -> None:
    monkeypatch.setattr("imgfp.local.index.torch_index._QUERIES", 33)
    source, transforms = Source(), transforms_for(True, True)
    queries = np.concatenate([source.rows[::7], Source(1).rows[:20]])
    expected, found = (
        index.search(queries, k, transforms) for index in (ExactIndex(source), TorchIndex(source, "cpu"))
    )
    assert np.array_equal(found.distances, expected.distances)
    assert np.array_equal(found.owners, expected.owners)
    assert found.owners.dtype == found.distances.dtype == np.int32


def test_what_it_says() -> None:
    index = TorchIndex(Source(), "cpu")
    assert index.needs(5, 1, 1) == "all 300 reference descriptors (exact), on cpu"
    assert (index.ids, index.fingerprint, index.descriptors) == (("a", "b", "c"), "x", 300)
