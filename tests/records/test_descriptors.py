"""The challenge's h5: what is written is read, and bad files are refused by name."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from imgfp.errors import InputError
from imgfp.records import DescriptorSet, read_descriptors, require_same_dim, write_descriptors


def made(count: int, dim: int = 8, prefix: str = "Q") -> DescriptorSet:
    matrix = np.random.default_rng(count).normal(size=(count, dim)).astype(np.float32)
    return DescriptorSet(np.array([f"{prefix}{n:03d}" for n in range(count)], dtype=str), matrix)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "descriptors.h5"


def write_raw(file: Path, **datasets) -> None:
    with h5py.File(file, "w") as h5:
        for name, value in datasets.items():
            h5.create_dataset(name, data=value)


def refused(file: Path, part: str = "query") -> str:
    with pytest.raises(InputError) as caught:
        read_descriptors(file, part)
    assert str(file) in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("dim", [1, 256, 1280])
def test_any_dimension_round_trips(file: Path, dim: int) -> None:
    query, reference = made(5, dim), made(3, dim, "R")
    write_descriptors(file, query=query, reference=reference)
    for part, wanted in (("query", query), ("reference", reference)):
        read = read_descriptors(file, part)
        assert read.ids.tolist() == wanted.ids.tolist()
        assert read.matrix.dtype == np.float32
        np.testing.assert_array_equal(read.matrix, wanted.matrix)
        assert (len(read), read.dim) == (len(wanted), dim)


def test_an_empty_part_round_trips(file: Path) -> None:
    write_descriptors(file, query=made(0))
    assert len(read_descriptors(file, "query")) == 0


def test_same_content_same_bytes(tmp_path: Path) -> None:
    for name in ("a.h5", "b.h5"):
        write_descriptors(tmp_path / name, query=made(4), reference=made(2, prefix="R"))
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


def test_ids_as_text_or_bytes(file: Path) -> None:
    matrix = made(2).matrix
    write_raw(file, query=matrix, query_ids=["Qä", "Qö"], reference=matrix, reference_ids=np.array([b"R1", b"R2"]))
    assert read_descriptors(file, "query").ids.tolist() == ["Qä", "Qö"]
    assert read_descriptors(file, "reference").ids.tolist() == ["R1", "R2"]


def test_wrong_dataset_is_named_with_those_that_are_there(file: Path) -> None:
    write_descriptors(file, reference=made(2))
    said = "no dataset 'query' (found: reference, reference_ids): store the descriptors under that name"
    assert said in refused(file)
    write_raw(file, query=made(2).matrix)
    assert "no dataset 'query_ids'" in refused(file)


def test_group_instead_of_dataset(file: Path) -> None:
    with h5py.File(file, "w") as h5:
        h5.create_group("query")
    assert "no dataset 'query'" in refused(file)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_not_a_number_names_row_and_id(file: Path, value: float) -> None:
    broken = made(4).matrix
    broken[2, 3] = value
    write_raw(file, query=broken, query_ids=made(4).ids.astype("S"))
    assert "row 2 of 'query' (id Q002) contains NaN or infinity: extract it again" in refused(file)


@pytest.mark.parametrize(
    ("ids", "said"),
    [
        ([b"Q2", b"Q1", b"Q3"], "row 1 of 'query_ids': 'Q1' follows 'Q2': sort ids and rows, without duplicates"),
        ([b"Q1", b"Q2", b"Q2"], "row 2 of 'query_ids': 'Q2' follows 'Q2'"),
        ([b"Q1", b"Q2"], "2 ids for 3 rows of 'query': give one id per row"),
        ([b"Q1", b"Q\xff", b"Q3"], "which is not UTF-8: write ids as UTF-8 text"),
    ],
)
def test_bad_ids(file: Path, ids: list[bytes], said: str) -> None:
    write_raw(file, query=made(3).matrix, query_ids=np.array(ids))
    assert said in refused(file)


@pytest.mark.parametrize(
    "matrix", [np.zeros(3, np.float32), np.zeros((3, 2), np.int64), np.zeros((3, 2, 2), np.float32)]
)
def test_bad_matrix_names_shape_and_type(file: Path, matrix: np.ndarray) -> None:
    write_raw(file, query=matrix, query_ids=made(3).ids.astype("S"))
    assert f"'query' has shape {matrix.shape} and dtype {matrix.dtype}: it must be (n, d) float32" in refused(file)


def test_missing_and_unreadable_file(file: Path) -> None:
    assert "no such file: give an HDF5 file with the datasets query and query_ids" in refused(file)
    file.write_text("not h5")
    assert "not a readable HDF5 file" in refused(file)
    write_descriptors(file, query=made(300, 64))
    file.write_bytes(file.read_bytes()[:2000])
    assert "not a readable HDF5 file" in refused(file)


def test_dimensions_must_agree() -> None:
    require_same_dim(made(2, 8), made(3, 8))
    with pytest.raises(
        InputError, match="query dimension 8 differs from reference dimension 16: extract both with the same encoder"
    ):
        require_same_dim(made(2, 8), made(3, 16))


def test_rows_and_ids_of_different_length_are_a_defect() -> None:
    with pytest.raises(ValueError, match="2 ids for a matrix of shape"):
        DescriptorSet(made(2).ids, made(3).matrix)
