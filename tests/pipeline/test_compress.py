"""Compressed indexes in an index folder: chosen, reused, refused where damaged, repaired by building again."""

from dataclasses import replace
from pathlib import Path

import pytest

from imgfp.errors import InputError
from imgfp.images import ImageList
from imgfp.local.index.index_config import IndexConfig
from imgfp.pipeline.index.index import build_index, open_index
from imgfp.pipeline.run_config import RunConfig
from imgfp.pipeline.search import run_for, search

pytestmark = pytest.mark.usefixtures("one_process")


@pytest.fixture
def built(small_set, tmp_path) -> Path:
    build_index(
        ImageList.open(small_set.references), tmp_path / "index", RunConfig.named(branches="local", index="ivf_pq24")
    )
    return tmp_path / "index"


def look_up(folder: Path, small_set, out: Path, config: IndexConfig | None = None):
    index = open_index(folder)
    run = run_for(index)
    run = run if config is None else replace(run, preset=replace(run.preset, index=config))
    return search(index, ImageList.open(small_set.queries), out, run)


@pytest.mark.parametrize("kind", ["ivf_sq8", "ivf_pq24", "ivf_pq16"])
def test_every_kind_finds_the_copies(built, small_set, tmp_path, kind: str) -> None:
    found = look_up(built, small_set, tmp_path / "out", IndexConfig(kind=kind)).predictions
    best = dict(zip(found.query_ids.tolist(), found.reference_ids.tolist(), strict=True))
    assert {query: best.get(query) for query in small_set.truth} == small_set.truth
    assert (built / "compressed" / kind / "codebook" / "centres.npy").is_file()


def test_sq8_with_all_lists_answers_as_the_exact_search(built, small_set, tmp_path) -> None:
    look_up(built, small_set, tmp_path / "exact", IndexConfig(kind="exact"))
    look_up(built, small_set, tmp_path / "sq8", IndexConfig(kind="ivf_sq8", nprobe=10_000))
    assert (tmp_path / "exact/predictions.csv").read_bytes() == (tmp_path / "sq8/predictions.csv").read_bytes()


def test_auto_chooses_by_size_and_memory(built, small_set, tmp_path, monkeypatch, capsys) -> None:
    look_up(built, small_set, tmp_path / "few", IndexConfig())
    assert sorted(path.name for path in (built / "compressed").iterdir()) == ["ivf_pq24"]
    monkeypatch.setattr("imgfp.local.index.index_config.EXACT_LIMIT", 100)
    capsys.readouterr()
    look_up(built, small_set, tmp_path / "many", IndexConfig(memory_mb=10))
    assert "index ivf_sq8 (the most accurate below 10 MB for more than 100 descriptors): " in capsys.readouterr().err


@pytest.mark.parametrize("name", ["codes.bin", "owners.npy", "starts.npy", "00000.json"])
@pytest.mark.parametrize("damage", ["flip", "cut", "gone"])
def test_a_damaged_index_is_named_in_the_error_and_repaired_by_rebuilding(
    built, small_set, tmp_path, contents, name: str, damage: str
) -> None:
    before = contents(built)
    (path,) = built.glob(f"compressed/ivf_pq24/merged-*/{name}")
    spoil(path, damage)
    with pytest.raises(InputError, match=rf"{name}: missing or changed since it was written: delete .*merged-"):
        look_up(built, small_set, tmp_path / "out")
    build_index(ImageList.open(small_set.references), built, RunConfig.named(branches="local", index="ivf_pq24"))
    assert contents(built) == before


@pytest.mark.parametrize("name", ["centres.npy", "sub_centres.npy"])
@pytest.mark.parametrize("damage", ["flip", "cut", "gone"])
def test_a_damaged_codebook_is_named_in_the_error(built, small_set, tmp_path, name: str, damage: str) -> None:
    spoil(built / "compressed/ivf_pq24/codebook" / name, damage)
    with pytest.raises(InputError, match=rf"codebook/{name}: missing or changed .*: delete .*ivf_pq24 and run"):
        look_up(built, small_set, tmp_path / "out")


def test_merged_codes_of_a_different_codebook_are_refused(built, small_set, tmp_path) -> None:
    other = tmp_path / "other"
    build_index(ImageList.open(small_set.background), other, RunConfig.named(branches="local", index="ivf_pq24"))
    for path in (other / "compressed/ivf_pq24/codebook").iterdir():
        (built / "compressed/ivf_pq24/codebook" / path.name).write_bytes(path.read_bytes())
    with pytest.raises(InputError, match=r"merged-.*: made with a different codebook: delete "):
        look_up(built, small_set, tmp_path / "out")


def test_one_line_error_for_an_unavailable_gpu(built, small_set, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setattr("imgfp.pipeline.index.descriptor_index.gpu_device", lambda: None)
    for device, times in (("gpu", 1), ("auto", 0), ("cpu", 0)):
        capsys.readouterr()
        look_up(built, small_set, tmp_path / device, IndexConfig("exact", device=device))
        line = "index.device=gpu: torch finds no usable GPU: searching on the CPU\n"
        assert capsys.readouterr().err.count(line) == times


def test_the_gpu_answers_as_the_cpu(built, small_set, tmp_path, monkeypatch) -> None:
    look_up(built, small_set, tmp_path / "exact", IndexConfig("exact", device="cpu"))
    monkeypatch.setattr("imgfp.pipeline.index.descriptor_index.gpu_device", lambda: "cpu")
    look_up(built, small_set, tmp_path / "torch", IndexConfig("exact", device="gpu"))
    assert (tmp_path / "exact/predictions.csv").read_bytes() == (tmp_path / "torch/predictions.csv").read_bytes()


def spoil(path: Path, damage: str) -> None:
    data = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(data[:-5] if damage == "cut" else data[:-5] + bytes([data[-5] ^ 4]) + data[-4:])
