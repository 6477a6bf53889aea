"""An index that is added to and removed from: the answers of one built at once, and what is refused."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from imgfp.cli.main import main
from imgfp.errors import InputError
from imgfp.images import ImageList
from imgfp.pipeline.index.grow import add_images, read_ids, remove_images
from imgfp.pipeline.index.index import build_index, open_index
from imgfp.pipeline.run_config import RunConfig
from imgfp.pipeline.search import SearchResult, run_for, search

pytestmark = pytest.mark.usefixtures("one_process")
LOCAL = ("local",)
KINDS = ("exact", "ivf_sq8", "ivf_pq24", "ivf_pq16")


@pytest.fixture(autouse=True)
def _small_shards(monkeypatch) -> None:
    monkeypatch.setattr("imgfp.pipeline.stages.compress.SHARD_IMAGES", 3)


@pytest.fixture
def halves(small_set, tmp_path) -> dict[str, ImageList]:
    """Two lists of four references each, and all eight in that order."""
    folder = tmp_path / "images"
    shutil.copytree(small_set.references, folder)
    names = sorted(path.name for path in folder.iterdir())
    lists = {"a": names[1::2], "b": names[::2], "both": names[1::2] + names[::2]}
    for name, lines in lists.items():
        (folder / f"{name}.txt").write_text("\n".join(lines))
    return {name: ImageList.open(folder / f"{name}.txt") for name in lists}


def build(images: ImageList, folder: Path, kind: str, branches: tuple[str, ...] = LOCAL) -> Path:
    build_index(images, folder, RunConfig.named("default", branches, kind))
    return folder


def look_up(folder: Path, small_set, out: Path) -> SearchResult:
    index = open_index(folder)
    return search(index, ImageList.open(small_set.queries), out, run_for(index))


def answers(out: Path) -> bytes:
    return (out / "predictions.csv").read_bytes() + (out / "work/local_candidates/00000.json").read_bytes()


def merged(folder: Path, kind: str) -> dict[str, bytes]:
    (only,) = (folder / "compressed" / kind).glob("merged-*")
    return {path.name: path.read_bytes() for path in only.iterdir() if path.suffix in (".bin", ".npy")}


@pytest.mark.parametrize("kind", KINDS)
def test_adding_gives_the_answers_of_one_index_with_that_codebook(halves, small_set, tmp_path, kind: str) -> None:
    grown = build(halves["a"], tmp_path / "grown", kind)
    add_images(halves["b"], grown, {})
    whole = tmp_path / "whole"
    if kind != "exact":
        shutil.copytree(grown / "compressed" / kind / "codebook", whole / "compressed" / kind / "codebook")
    build(halves["both"], whole, kind)
    results = [look_up(folder, small_set, folder / "found") for folder in (grown, whole)]
    assert answers(grown / "found") == answers(whole / "found")
    assert {"gray", "mirror", "turned"} <= set(results[0].predictions.query_ids.tolist())
    if kind != "exact":
        assert merged(grown, kind) == merged(whole, kind)


@pytest.mark.parametrize("kind", ["exact", "ivf_pq24"])
def test_a_removed_image_is_as_if_it_had_never_been_there(halves, small_set, tmp_path, kind: str) -> None:
    grown = build(halves["both"], tmp_path / "grown", kind, ("local", "global"))
    gone = halves["b"].ids
    remove_images(gone[:2], grown, {})
    remove_images(gone[1:], grown, {})
    whole = tmp_path / "whole"
    if kind != "exact":
        shutil.copytree(grown / "compressed" / kind / "codebook", whole / "compressed" / kind / "codebook")
    build(halves["a"], whole, kind, ("local", "global"))
    for folder in (grown, whole):
        look_up(folder, small_set, folder / "found")
    assert answers(grown / "found") == answers(whole / "found")
    assert set(open_index(grown).images.ids) == set(halves["a"].ids)
    report = look_up(grown, small_set, grown / "found")
    assert not set(report.predictions.reference_ids.tolist()) & set(gone)


def test_the_global_branch_meets_what_was_added(halves, small_set, tmp_path) -> None:
    for name in ("grown", "whole"):
        build(halves["a" if name == "grown" else "both"], tmp_path / name, "exact", ("local", "global"))
    add_images(halves["b"], tmp_path / "grown", {})
    grown, whole = (open_index(tmp_path / name).descriptors for name in ("grown", "whole"))
    assert grown is not None
    assert whole is not None
    assert grown.ids.tolist() == whole.ids.tolist()
    assert np.array_equal(grown.matrix, whole.matrix)
    result = look_up(tmp_path / "grown", small_set, tmp_path / "out")
    assert {small_set.truth[query] for query in ("saved_again", "bright")} <= set(
        result.predictions.reference_ids.tolist()
    )


def test_a_killed_add_leaves_the_old_index_searchable_and_resumes(
    halves, small_set, tmp_path, contents, monkeypatch
) -> None:
    kind = "ivf_pq16"
    grown, whole = (build(halves["a"], tmp_path / name, kind) for name in ("grown", "whole"))
    add_images(halves["b"], whole, {})
    look_up(grown, small_set, tmp_path / "before")
    from imgfp import files

    rename = Path.replace
    for stop_at in ("00000.descriptors.npy", "00001.codes.npy", "codes.bin", "index.json"):

        def replace_until(source: Path, target: Path, stop_at: str = stop_at) -> Path:
            if Path(target).name == stop_at:
                raise KeyboardInterrupt
            return rename(source, target)

        monkeypatch.setattr(files.Path, "replace", replace_until)
        with pytest.raises(KeyboardInterrupt):
            add_images(halves["b"], grown, {})
        monkeypatch.setattr(files.Path, "replace", rename)
        look_up(grown, small_set, tmp_path / stop_at)
        assert answers(tmp_path / stop_at) == answers(tmp_path / "before")
    add_images(halves["b"], grown, {})
    expected = contents(whole)
    assert contents(grown) == expected
    add_images(halves["b"], grown, {})
    assert contents(grown) == expected


def test_ids_are_unique_over_all_parts(halves, tmp_path, contents) -> None:
    index = build(halves["a"], tmp_path / "index", "exact")
    before = contents(index)
    with pytest.raises(InputError, match=r"has an image 'ref1' already \(4 of 8 ids are taken\): "):
        add_images(halves["both"], index, {})
    assert contents(index) == before


def test_what_cannot_be_removed(halves, tmp_path, contents) -> None:
    index = build(halves["a"], tmp_path / "index", "exact")
    before = contents(index)
    with pytest.raises(InputError, match=r"index has no image 'ref0': give ids of its parts"):
        remove_images(["ref1", "ref0"], index, {})
    with pytest.raises(InputError, match=r"nothing would be left of its 4 images: delete the folder instead"):
        remove_images(halves["a"].ids, index, {})
    with pytest.raises(InputError, match=r"none: no finished index there"):
        remove_images(["ref1"], tmp_path / "none", {})
    assert contents(index) == before


def test_a_removed_id_never_comes_back(halves, tmp_path, contents) -> None:
    index = build(halves["a"], tmp_path / "index", "exact")
    remove_images(["ref1"], index, {})
    before = contents(index)
    with pytest.raises(InputError, match=r"image 'ref1' was removed from it, and a removed id never comes back: give"):
        add_images(halves["a"], index, {})
    assert contents(index) == before


def test_features_of_two_extractors_do_not_mix(halves, tmp_path, contents, monkeypatch) -> None:
    index = build(halves["a"], tmp_path / "index", "exact")
    before = contents(index)
    monkeypatch.setattr("imgfp.local.sift.extractor_check.compiled_fault", lambda: "no compiler")
    with pytest.raises(InputError, match=r"was built with sift\.extractor=compiled, which cannot be used here"):
        add_images(halves["b"], index, {})
    assert contents(index) == before


def test_ids_from_the_command_line_or_a_file(tmp_path) -> None:
    many = [f"reference_{number:03d}" for number in range(60)]
    assert read_ids(",".join(many)) == many  # longer than any file name
    assert read_ids("a, b,,c") == ["a", "b", "c"]
    (tmp_path / "ids.txt").write_text("a\n\n b,c \n")
    assert read_ids(str(tmp_path / "ids.txt")) == ["a", "b,c"]
    with pytest.raises(InputError, match=r"^--remove ' ,': no id: "):
        read_ids(" ,")


def test_other_settings_are_named_in_the_error(halves, tmp_path) -> None:
    index = build(halves["a"], tmp_path / "index", "ivf_sq8")
    for given, message in (
        ({"--preset": "imgfp"}, "--preset default, not imgfp: leave --preset out"),
        ({"--branches": "global,local"}, "--branches local, not global,local: leave"),
        ({"--index": "exact"}, "--index ivf_sq8, not exact: leave"),
    ):
        with pytest.raises(InputError, match=message):
            add_images(halves["b"], index, given)
    add_images(halves["b"], index, {"--preset": "default", "--branches": "local", "--index": "ivf_sq8"})
    assert len(open_index(index).images) == 8


def test_commands_add_and_remove(halves, small_set, tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.setattr("imgfp.reports.search_report.BEST", 1)
    folder, index = halves["a"].root, tmp_path / "index"
    (folder / "broken.jpg").write_bytes(b"")
    names = (folder / "b.txt").read_text()
    (folder / "b.txt").write_text(names + "\nbroken.jpg\n")
    rest = ["--out", str(index)]
    assert main(["index", str(folder / "a.txt"), *rest, "--branches", "local", "--index", "ivf_pq16"]) == 0
    said = capsys.readouterr()
    assert "index ivf_pq16 (requested): " in said.err
    assert "20 bytes each" in said.err
    assert main(["index", "--add", str(folder / "b.txt"), *rest]) == 3
    assert "1 image(s) skipped" in capsys.readouterr().err
    assert main(["index", "--remove", "broken,ref3", *rest]) == 0
    assert main(["search", str(index), str(small_set.queries), "--out", str(tmp_path / "out")]) == 0
    assert "among 7 references" in capsys.readouterr().out
    found = (tmp_path / "out/predictions.csv").read_text()
    assert "saved_again,ref0," in found
    assert "ref3" not in found


def test_growth_far_beyond_the_codebook_is_reported(halves, tmp_path, capsys, monkeypatch) -> None:
    index = build(halves["a"], tmp_path / "index", "ivf_sq8")
    monkeypatch.setattr("imgfp.pipeline.stages.compress.GROWN", 1.5)
    capsys.readouterr()
    add_images(halves["b"], index, {})
    said = capsys.readouterr().err
    assert "times what the codebook was trained on: an index rebuilt from scratch" in said
