"""Database-side augmentation, recomputed image by image."""

import numpy as np
import pytest

from imgfp.errors import InputError
from imgfp.mirror.query import NONE, QueryConfig, WhiteningConfig, query


def unit(values):
    return values / np.linalg.norm(values, axis=-1, keepdims=True)


def prmac(one, other):
    return (one @ other.T).max(axis=1).mean()


@pytest.mark.parametrize("own", [True, False])
def test_augment(own):
    rng = np.random.default_rng(5)
    database, queries = (rng.standard_normal((count, 4, 8)).astype(np.float32) for count in (12, 3))
    config = QueryConfig(top=12, whitening=WhiteningConfig(fit_on=NONE), augment=3)
    found = query(database, None if own else queries, config).ranking
    held = unit(database.astype(np.float64))
    augmented = []
    for image in held:
        scores = np.array([prmac(image, other) for other in held])
        best = np.argsort(-scores)[:3]  # the image itself is the first
        augmented.append(unit(image + sum(scores[other] * held[other] for other in best)))
    asked = augmented if own else unit(queries.astype(np.float64))
    for row, one in enumerate(asked):
        expected = np.array([prmac(one, other) for other in augmented])
        assert found.scores[row] == pytest.approx(expected[found.indices[row]], abs=1e-6)
        assert (np.diff(found.scores[row]) <= 0).all()


def test_negative():
    with pytest.raises(InputError, match=r"expansion.augment=-1: must be an integer >= 0"):
        QueryConfig(augment=-1)
