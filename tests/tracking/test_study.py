"""A study between stores: everything arrives, once; a killed import resumes; what is damaged is refused."""

import hashlib
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from a_study import contents, fill

from imgfp.cli.main import main
from imgfp.errors import InputError
from imgfp.tracking import Store, open_store
from imgfp.tracking.checkpoint import PATH_TAG
from imgfp.tracking.study import bring_study, export_study
from imgfp.tracking.study_import import _Import


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = open_store(tmp_path_factory.mktemp("source") / "mlruns")
    fill(store, store.folder.parent)
    return store


@pytest.fixture(scope="module")
def archive(source: Store) -> Path:
    out = source.folder.parent / "study.zip"
    export_study(source, ["study"], out, weights=True)
    return out


@pytest.fixture(scope="module")
def unchanged(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A store into which nothing must be brought."""
    return open_store(tmp_path_factory.mktemp("unchanged") / "mlruns")


def test_everything_arrives_once_and_from_there_again(
    source: Store, archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target, study = tmp_path / "target", ["study", "import", str(archive), "--mlruns", str(tmp_path / "target")]
    assert main(study) == 0
    said = capsys.readouterr().out
    assert said == (f"5 runs, 1 model, 6 metric values and 4 files brought into {target}; 0 runs were there already\n")
    store = open_store(target)
    assert contents(store, "study") == contents(source, "study")
    assert store.client().get_registered_model("study").aliases == {"champion": 1}
    (model,) = store.client().search_logged_models([store.experiment_id("study")])
    assert Path(model.tags[PATH_TAG]).read_bytes() == b"weights"
    assert Path(model.tags[PATH_TAG]).is_relative_to(store.artifacts)

    assert main(study) == 0
    assert capsys.readouterr().out.startswith("0 runs, 0 models, 0 metric values and 0 files brought into")
    assert main(["study", "export", "--mlruns", str(target), "--out", str(tmp_path / "again")]) == 0
    assert capsys.readouterr().out == f"5 runs of 1 experiment and 1 model: {tmp_path / 'again'}\n"
    assert "0 runs, 0 models" in bring_study(tmp_path / "again", source), "they come from there"
    assert contents(source, "study") == contents(store, "study")


def test_a_killed_import_resumes(source: Store, archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(tmp_path / "target")

    def killed(name: str, after: int) -> None:
        action, calls = getattr(_Import, name), []

        def counted(self: _Import, *args: object) -> object:
            calls.append(name)
            if len(calls) > after:
                raise KeyboardInterrupt
            result = action(self, *args)
            return result

        with monkeypatch.context() as patch:
            patch.setattr(_Import, name, counted)
            with pytest.raises(KeyboardInterrupt):
                bring_study(archive, store)

    killed("_log", 1)
    killed("_model", 0)
    killed("_finish", 1)
    bring_study(archive, store)
    assert contents(store, "study") == contents(source, "study")


def test_a_run_comes_with_its_parent_and_children(source: Store, tmp_path: Path) -> None:
    client, key = source.client(), source.experiment_id("study")
    ids = {run.info.run_name: run.info.run_id for run in client.search_runs([key])}

    def names(run: str, out: Path) -> set[str]:
        export_study(source, [ids[run]], out)
        return {json.loads(path.read_text())["name"] for path in out.glob("runs/*/run.json")}

    assert names("sweep", tmp_path / "parent") == {"sweep", "first", "second"}
    assert names("second", tmp_path / "child") == {"sweep", "second"}
    line = bring_study(tmp_path / "child", open_store(tmp_path / "target"))
    assert line.startswith("2 runs, 1 model, ")
    assert line.endswith("; 1 model figure left out: its run is not in the study")


def test_bad_requests_are_one_line(
    source: Store, archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(*arguments: object) -> str:
        assert main(["study", *map(str, arguments)]) == 2
        said = capsys.readouterr().err.splitlines()
        assert len(said) == 1
        return said[0]

    here = ("--mlruns", source.folder)
    assert "no experiment or run 'stdy'; did you mean 'study'?" in refused(
        "export", "stdy", *here, "--out", tmp_path / "x"
    )
    assert "study.zip: exists already" in refused("export", "study", *here, "--out", archive)
    assert "no mlflow.db found" in refused("export", "--mlruns", tmp_path / "none", "--out", tmp_path / "x")
    assert "no such file or folder" in refused("import", tmp_path / "none", *here)
    assert "nothing to upload" in refused("upload", tmp_path, *here)
    assert not list(tmp_path.iterdir())


def damaged(
    archive: Path, out: Path, change: Callable[[dict[str, bytes]], None], method: int = zipfile.ZIP_DEFLATED
) -> Path:
    with zipfile.ZipFile(archive) as zipped:
        files = {name: zipped.read(name) for name in zipped.namelist()}
    change(files)
    with zipfile.ZipFile(out, "w", method) as zipped:
        for name, data in files.items():
            zipped.writestr(name, data)
    return out


def with_contents(files: dict[str, bytes], /, **changes: object) -> None:
    files["study.json"] = json.dumps(json.loads(files["study.json"]) | changes).encode()


def metrics_file(files: dict[str, bytes]) -> str:
    return next(name for name, data in files.items() if name.endswith("metrics.jsonl") and data)


def listed(files: dict[str, bytes]) -> dict[str, object]:
    return dict(json.loads(files["study.json"])["files"])


def replaced(files: dict[str, bytes], name: str, data: bytes) -> None:
    """With the right checksum."""
    files[name] = data
    with_contents(files, files=listed(files) | {name: [len(data), hashlib.sha256(data).hexdigest()]})


def changed(files: dict[str, bytes], end: str, /, **changes: object) -> None:
    name = next(name for name in files if name.endswith(end))
    replaced(files, name, json.dumps(json.loads(files[name]) | changes).encode())


def escaping(files: dict[str, bytes]) -> None:
    files["../escaped"] = b""
    own = json.loads(files["study.json"])
    with_contents(
        files,
        files=own["files"] | {"../escaped": [0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"]},
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda files: files.pop("study.json"), "not a study, it has no study.json"),
        (lambda files: with_contents(files, version=2), "study format 2, this imgfp reads 1: update imgfp"),
        (lambda files: files.pop(metrics_file(files)), r"damaged: runs/\w+/metrics.jsonl is missing or changed"),
        (
            lambda files: files.update({metrics_file(files): b"x" * len(files[metrics_file(files)])}),
            "missing or changed",
        ),
        (lambda files: with_contents(files, runs=["../../x"]), "damaged: study.json"),
        (escaping, "'../escaped' leads out of the study"),
        *(
            (
                lambda files, entry=entry: with_contents(files, files=listed(files) | {"a": entry}),
                "study.json: entry of file 'a' is not its size and SHA-256",
            )
            for entry in (None, [None, "x"], [1], [-1, "0" * 64], [True, "0" * 64], [1, "0" * 63])
        ),
        (lambda files: with_contents(files, experiments=[]), "experiment 'study' is not listed in study.json"),
        (
            lambda files: with_contents(files, experiments=2 * [{"name": "study", "tags": {}}]),
            "study.json: experiment 'study' is listed twice",
        ),
        (
            lambda files: changed(files, "run.json", run_id="../../../outside"),
            r"damaged: runs/\w+/run.json: run_id is not \w+: copy",
        ),
        (
            lambda files: changed(files, "model.json", model_id="../outside"),
            r"damaged: models/[\w-]+/model.json: model_id is not m-\w+: copy",
        ),
        (lambda files: changed(files, "run.json", tags=None), r"run.json: tags: Input should be"),
        (lambda files: changed(files, "model.json", metrics=[[1]]), r"model.json: metrics.0.0: Input should be"),
        (
            lambda files: replaced(files, metrics_file(files), b'["loss", "x", 1, 0]\n'),
            r"metrics.jsonl, line 1: 1: Input should be a valid number",
        ),
        (
            lambda files: with_contents(files, large=" " * (64 << 20)),
            "study.json is larger than 64 MB: not a study that imgfp has written",
        ),
        (lambda files: files.update({"study.json": b"[" * 100_000}), "damaged: study.json is missing or changed"),
    ],
)
def test_a_damaged_study_is_refused(
    archive: Path, tmp_path: Path, unchanged: Store, change: Callable[[dict[str, bytes]], None], message: str
) -> None:
    with pytest.raises(InputError, match=message) as error:
        bring_study(damaged(archive, tmp_path / "bad.zip", change), unchanged)
    assert str(error.value).startswith(f"{tmp_path / 'bad.zip'}: ")
    assert "\n" not in str(error.value)
    assert unchanged.client().get_experiment_by_name("study") is None
    assert not (tmp_path / "escaped").exists()


def test_a_truncated_archive_is_refused(archive: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.zip").write_bytes(archive.read_bytes()[:-100])
    with pytest.raises(InputError, match="damaged or not a zip archive"):
        bring_study(tmp_path / "bad.zip", open_store(tmp_path / "target"))


def test_other_compression_is_refused(archive: Path, tmp_path: Path, unchanged: Store) -> None:
    bad = damaged(archive, tmp_path / "bad.zip", lambda files: None, zipfile.ZIP_LZMA)
    with pytest.raises(InputError, match=r"damaged: study.json is not compressed by deflate"):
        bring_study(bad, unchanged)


def test_links_and_unlisted_files_in_a_study_folder_are_refused(
    source: Store, tmp_path: Path, unchanged: Store
) -> None:
    study = tmp_path / "study"
    export_study(source, ["study"], study)
    page = next(study.rglob("report.html"))

    def refused(message: str) -> None:
        with pytest.raises(InputError, match=message):
            bring_study(study, unchanged)
        assert unchanged.client().get_experiment_by_name("study") is None

    other = page.with_name("other.html")
    other.write_text("not exported")
    refused(r"study: runs/\w+/artifacts/reports/other.html is not listed in study.json: remove it, or export")
    other.unlink()
    for target in (tmp_path, page):  # a folder, and a file even of the study itself
        other.symlink_to(target)
        refused(r"runs/\w+/artifacts/reports/other.html is a link or a special file: do not import it")
        other.unlink()
    shutil.copy(page, tmp_path / "outside")
    page.unlink()
    page.symlink_to(tmp_path / "outside")
    refused("report.html is a link or a special file")
