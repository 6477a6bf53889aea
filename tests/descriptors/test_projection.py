"""PCA against numpy's SVD; whitening by what it is for; errors."""

from collections.abc import Callable

import numpy as np
import pytest

from imgfp.descriptors import fit_projection, projection
from imgfp.errors import InputError
from imgfp.records import DescriptorSet

Made = Callable[..., DescriptorSet]


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.mark.parametrize("dim", [1, 7, 24])
def test_equals_the_svd(made: Made, dim: int, monkeypatch: pytest.MonkeyPatch) -> None:
    background, query = made(0, 60, "T"), made(1, 11, "Q")
    centred = background.matrix.astype(np.float64) - background.matrix.mean(axis=0, dtype=np.float64)
    _, spread, directions = np.linalg.svd(centred, full_matrices=False)
    away = (query.matrix - background.matrix.mean(axis=0, dtype=np.float64)) @ directions[:dim].T
    for whiten, wanted in ((False, away), (True, away / spread[:dim])):
        got = fit_projection(background, dim, whiten).apply(query)
        assert got.ids.tolist() == query.ids.tolist()
        assert got.matrix.dtype == np.float32
        np.testing.assert_allclose(np.abs(got.matrix), np.abs(unit(wanted)), atol=1e-6)  # signs of axes are free
        np.testing.assert_allclose(got.matrix @ got.matrix.T, unit(wanted) @ unit(wanted).T, atol=1e-6)


def test_whitened_axes_have_variance_one(made: Made) -> None:
    background = made(0, 200, "T")
    fitted = fit_projection(background, 9, whiten=True)
    away = (background.matrix - fitted.mean) @ fitted.axes
    np.testing.assert_allclose(away.T @ away / 200, np.eye(9), atol=1e-9)


def test_blocks_change_nothing_and_signs_are_fixed(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    background = made(0, 60, "T")
    whole = fit_projection(background, 5)
    assert (whole.axes[np.abs(whole.axes).argmax(axis=0), np.arange(5)] > 0).all()
    monkeypatch.setattr(projection, "BLOCK", 7)
    parts = fit_projection(background, 5)
    np.testing.assert_allclose(parts.axes, whole.axes, atol=1e-9)
    np.testing.assert_allclose(parts.apply(background).matrix, whole.apply(background).matrix, atol=1e-6)


def test_bad_input(made: Made) -> None:
    background = made(0, 60, "T")
    for dim in (0, 25):
        with pytest.raises(InputError, match=rf"pca={dim}: the descriptor dimension is 24: use 1 to 24"):
            fit_projection(background, dim)
    with pytest.raises(InputError, match="pca=8: the background set has 8 descriptors: use more than 8, or a smaller"):
        fit_projection(made(0, 8, "T"), 8)
    flat = DescriptorSet(background.ids, background.matrix * (np.arange(24) < 3).astype(np.float32))
    with pytest.raises(InputError, match="pca=4: the background set spans only 3 dimensions: use more images, or a"):
        fit_projection(flat, 4)
    same = DescriptorSet(background.ids, np.ones((60, 24), np.float32))
    with pytest.raises(InputError, match="pca=1: the background set spans only 0 dimensions"):
        fit_projection(same, 1)
    with pytest.raises(InputError, match="descriptor dimension 8 differs from PCA dimension 24: extract both with"):
        fit_projection(background, 4).apply(made(1, 3, "Q", dim=8))
