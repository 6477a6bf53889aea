"""An index that is searched: the bytes of a search without one, what it lacks, what is refused, and how it is repaired."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from imgfp.cli.main import main
from imgfp.errors import InputError
from imgfp.images import ImageList
from imgfp.pipeline.index.description import read_description, write_description
from imgfp.pipeline.index.index import build_index, open_index
from imgfp.pipeline.presets import PRESETS
from imgfp.pipeline.run_config import RunConfig
from imgfp.pipeline.search import run_for, search
from imgfp.records import Pairs

pytestmark = pytest.mark.usefixtures("one_process")
BOTH = ("local", "global")


def test_index_and_search_give_the_bytes_of_find(small_set, tmp_path, contents, capsys) -> None:
    queries, references = str(small_set.queries), str(small_set.references)
    for preset in PRESETS:
        found, index, searched = (tmp_path / f"{preset}_{name}" for name in ("found", "index", "searched"))
        assert main(["find", queries, references, "--out", str(found), "--preset", preset]) == 0
        assert main(["index", references, "--out", str(index), "--preset", preset]) == 0
        assert main(["search", str(index), queries, "--out", str(searched)]) == 0
        said = capsys.readouterr().err
        assert ("imgFp's descriptor network (EsViT, fine-tuned) is not publicly available" in said) == (
            preset == "imgfp"
        )
        for name in ("predictions.csv", "branches/local.csv", "branches/global.csv"):
            assert (searched / name).read_bytes() == (found / name).read_bytes()
        assert contents(index) == contents(found / "index")
    assert (found / "predictions.csv").read_bytes() != (tmp_path / "default_found/predictions.csv").read_bytes()


@pytest.fixture
def built(small_set, tmp_path):
    """An index of both branches."""
    build_index(ImageList.open(small_set.references), tmp_path / "index", RunConfig.named())
    return tmp_path / "index"


def test_search_narrows_the_branches_and_leaves_nothing_of_the_others(built, small_set, tmp_path) -> None:
    index, queries, out = open_index(built), ImageList.open(small_set.queries), tmp_path / "out"
    both = search(index, queries, out, run_for(index))
    assert (out / "branches/local.csv").is_file()
    alone = search(index, queries, out, run_for(index, "global"))
    assert not (out / "branches/local.csv").exists()
    written, within, by_itself = (
        sorted(zip(pairs.id_pairs(), pairs.scores.tolist(), strict=True))
        for pairs in (Pairs.read_csv(out / "predictions.csv"), both.branches["global"], alone.predictions)
    )
    assert written == within == by_itself


def test_an_index_lacks_the_branches_it_was_not_built_with(small_set, tmp_path, capsys) -> None:
    index = tmp_path / "index"
    assert main(["index", str(small_set.references), "--out", str(index), "--branches", "local"]) == 0
    assert not (index / "parts/000/descriptors").exists()
    capsys.readouterr()
    assert (
        main(["search", str(index), str(small_set.queries), "--branches", "global", "--out", str(tmp_path / "o")]) == 2
    )
    assert capsys.readouterr().err == (
        f"imgfp search: {index} was built with branches local, not global: build an index with --branches global\n"
    )


def test_an_index_with_other_settings_is_refused_and_kept(built, small_set, contents) -> None:
    before = contents(built)
    references = ImageList.open(small_set.references)
    with pytest.raises(InputError, match=r"index is an index with preset = 'default', now it is 'imgfp': give another"):
        build_index(references, built, RunConfig.named("imgfp"))
    with pytest.raises(InputError, match=r"is an index with branches = \['local', 'global'\], now it is \['local'\]: "):
        build_index(references, built, RunConfig.named(branches="local"))
    with pytest.raises(InputError, match=r"is an index with root = '.*references', now it is '.*background': "):
        build_index(ImageList.open(small_set.background), built, RunConfig.named())
    assert contents(built) == before


def test_a_search_with_other_extraction_settings_is_refused(built, small_set, tmp_path) -> None:
    index = open_index(built)
    preset = PRESETS["default"]
    other = RunConfig("default", replace(preset, sift=replace(preset.sift, side=200)), BOTH)
    with pytest.raises(
        InputError, match=r"was built with SiftConfig\(side=300.*, now it is SiftConfig\(side=200.*: build another"
    ):
        search(index, ImageList.open(small_set.queries), tmp_path / "out", other)


@pytest.mark.parametrize(
    "name",
    [
        "parts/000/images.csv",
        "parts/000/descriptors/descriptors.h5",
        "parts/000/features/00000.descriptors.npy",
        "parts/000/features/00000.json",
    ],
)
def test_a_damaged_index_is_refused_and_repaired_by_rebuilding(built, small_set, contents, name: str) -> None:
    before = contents(built)
    data = before[name]
    (built / name).write_bytes(data[:-9] + bytes([data[-9] ^ 1]) + data[-8:])
    with pytest.raises(InputError, match=rf"{name}: missing or changed since it was written: delete .* again$"):
        open_index(built)
    build_index(ImageList.open(small_set.references), built, RunConfig.named())
    assert contents(built) == before


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, r"no finished index there \(no index\.json\): run 'imgfp index REFERENCES --out "),
        ("{", r"index\.json: damaged: delete .* and build the index again"),
        ("[]", r"index\.json: damaged: delete .* and build the index again"),
        ('{"schema": 99}', r"index\.json: schema 99, this version reads 4: delete .* and build the index again"),
        ('{"schema": 1}', r"index\.json: schema 1, this version reads 4: delete .* and build the index again"),
    ],
)
def test_a_folder_that_is_not_an_index_is_refused(tmp_path, text, message: str) -> None:
    if text is not None:
        (tmp_path / "index.json").write_text(text)
    with pytest.raises(InputError, match=message):
        open_index(tmp_path)


def test_index_says_what_it_holds(built, small_set) -> None:
    description = json.loads((built / "index.json").read_bytes())
    assert (description["preset"], description["branches"], description["parts"][0]["images"]) == (
        "default",
        ["local", "global"],
        8,
    )
    assert Path(description["parts"][0]["root"]) == small_set.references.resolve()
    index = open_index(built)
    assert (index.extraction, index.branches) == (PRESETS["default"].extraction, BOTH)
    assert run_for(index) == RunConfig.named()
    assert index.images == ImageList.open(small_set.references)
    lines = (built / "parts/000/images.csv").read_text().splitlines()
    assert lines[0] == "id,path,bytes"
    assert lines[1] == f"ref0,ref0.png,{(small_set.references / 'ref0.png').stat().st_size}"


def test_an_index_states_the_extractor_that_was_used(small_set, tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.setattr("imgfp.local.sift.extractor_check.compiled_fault", lambda: "no compiler")
    queries, references = ImageList.open(small_set.queries), ImageList.open(small_set.references)
    build_index(references, tmp_path / "index", RunConfig.named(branches="local"))
    message = capsys.readouterr().err.splitlines()
    assert message == [
        "the compiled SIFT extractor cannot be used here, falling back to pycolmap: no compiler",
        "reference features: pycolmap SIFT",
    ]
    index = open_index(tmp_path / "index")
    assert index.extraction.sift.extractor == "pycolmap"
    result = search(index, queries, tmp_path / "out", RunConfig.named(branches="local"))
    assert result.run.preset.sift.extractor == "pycolmap"
    monkeypatch.undo()
    with pytest.raises(
        InputError, match=r"extractor='pycolmap'\), now it is SiftConfig\(.*extractor='compiled'\): build"
    ):
        search(index, queries, tmp_path / "again", RunConfig.named(branches="local"))


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"kind": "fast_scan"}, "index.kind='fast_scan' was removed: use ivf_pq16"),
        ({"probes": 16}, "damaged"),
    ],
)
def test_settings_of_an_earlier_version_are_refused(built, changed, fault) -> None:
    description = read_description(built)
    write_description(built, description | {"index": description["index"] | changed})
    told = f"{built}/index.json: {fault}: delete {built} and build the index again"
    with pytest.raises(InputError, match=f"^{re.escape(told)}$"):
        open_index(built)
