"""Whitening: fit, file, and what is refused."""

from pathlib import Path

import numpy as np
import pytest

from imgfp.errors import InputError
from imgfp.mirror import whitening
from imgfp.mirror.query import QueryConfig, WhiteningConfig, query
from imgfp.mirror.whitening import PACKAGED, Whitening, fit_whitening


def plain(block: np.ndarray) -> np.ndarray:
    return block


@pytest.fixture(scope="module")
def values() -> np.ndarray:
    rng = np.random.default_rng(0)
    return (rng.standard_normal((60, 4, 6)) @ rng.standard_normal((6, 6)) + 1).astype(np.float32)


def test_projections_have_variance_one_and_no_correlation(values: np.ndarray) -> None:
    fitted = fit_whitening(values, plain, 6)
    rows = values.reshape(-1, 6).astype(np.float64)
    projected = (rows - fitted.mean) @ (fitted.components / np.sqrt(fitted.variances)[:, None]).T
    np.testing.assert_allclose(np.cov(projected.T), np.eye(6), atol=1e-10)
    np.testing.assert_allclose(np.linalg.norm(fitted.apply(values), axis=2), 1, atol=1e-6)


def test_covariance_in_blocks_is_the_same_fit(values: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    for settings in ({"out_dim": 5}, {"variance_share": 0.9}):
        whole = fit_whitening(values, plain, **settings)
        with monkeypatch.context() as patch:
            patch.setattr(whitening, "_DENSE", 0)
            patch.setattr(whitening, "_BLOCK", 7)
            blocks = fit_whitening(values, plain, **settings)
        assert blocks.out_dim == whole.out_dim
        np.testing.assert_allclose(blocks.variances, whole.variances, rtol=1e-9)
        a, b = (item.apply(values).reshape(-1, item.out_dim).astype(np.float64) for item in (whole, blocks))
        np.testing.assert_allclose(a @ a.T, b @ b.T, atol=1e-5)  # signs of components are free


def test_file_round_trip(values: np.ndarray, tmp_path: Path) -> None:
    fitted = fit_whitening(values, plain, 3)
    fitted.save(tmp_path / "w.npz")
    again = Whitening.load(tmp_path / "w.npz")
    for name in ("mean", "components", "variances"):
        np.testing.assert_array_equal(getattr(again, name), getattr(fitted, name))
    fitted.save(tmp_path / "small.npz", compact=True)
    small = Whitening.load(tmp_path / "small.npz")
    np.testing.assert_allclose(small.apply(values), fitted.apply(values), atol=1e-2)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"mean": np.zeros(3)}, "not a whitening: expected a .npz of float arrays mean, eigvec, eigval"),
        ({"mean": np.zeros(3), "eigvec": np.ones((2, 4)), "eigval": np.ones(2)}, r"eigvec \(2, 4\).* do not fit"),
        ({"mean": np.zeros(3), "eigvec": np.ones((2, 3)), "eigval": np.array([1, 0])}, "variances <= 0"),
        ({"mean": np.array([{}]), "eigvec": np.ones((1, 1)), "eigval": np.ones(1)}, "of float arrays"),
    ],
)
def test_bad_files(arrays: dict[str, np.ndarray], message: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "bad.npz", **arrays)
    with pytest.raises(InputError, match=message):
        Whitening.load(tmp_path / "bad.npz")


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        Whitening.load(tmp_path / "none.npz")
    (tmp_path / "text.npz").write_text("text")
    np.save(tmp_path / "array.npy", np.ones(3))
    for name in ("text.npz", "array.npy"):
        with pytest.raises(InputError, match="not a whitening"):
            Whitening.load(tmp_path / name)


def test_settings_out_of_range(values: np.ndarray) -> None:
    with pytest.raises(InputError, match="240 vectors of 6 numbers allow 1 to 6"):
        fit_whitening(values, plain, 7)
    with pytest.raises(InputError, match=r"share of the variance 1.5: must be above 0 and below 1"):
        fit_whitening(values, plain, None, 1.5)
    with pytest.raises(InputError, match="for 6 dimensions, the features have 5"):
        fit_whitening(values, plain, 3).apply(values[:, :, :5])


def test_identical_images_are_refused_by_the_dimensions_they_vary_in(values: np.ndarray) -> None:
    same = np.repeat(values[:1], 9, axis=0)
    with pytest.raises(InputError, match="whitening to 5 dimensions: the regions vary in 3 only"):
        fit_whitening(same, plain, 5)
    with pytest.raises(InputError, match="the regions vary in 0 only"):
        fit_whitening(np.repeat(same[:, :1], 4, axis=1), plain, 2)


def test_too_few_images_are_announced_with_both_numbers(values: np.ndarray, capsys: pytest.CaptureFixture[str]) -> None:
    unwhitened = query(values[:5], None, QueryConfig(whitening=WhiteningConfig(out_dim=5)))
    assert "no whitening: 5 images are too few to fit 5 dimensions" in capsys.readouterr().err
    assert unwhitened.whitening is None
    assert query(values[:6], None, QueryConfig(whitening=WhiteningConfig(out_dim=5))).whitening is not None


def test_the_packaged_whitening() -> None:
    packaged = Whitening.load(PACKAGED)
    assert (packaged.dim, packaged.out_dim) == (1280, 256)
    np.testing.assert_allclose(packaged.components @ packaged.components.T, np.eye(256), atol=2e-3)
    assert (np.diff(packaged.variances) <= 0).all()
