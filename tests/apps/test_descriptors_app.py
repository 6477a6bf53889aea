"""python evaluate/descriptors.py: figures in MLflow, encoded once, bad input in one line.

The app is called within this process, as Hydra would.
"""

import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf, open_dict

from imgfp.apps import descriptor_evaluation
from imgfp.apps.descriptor_evaluation import tell_champion
from imgfp.apps.descriptor_groups import register_groups
from imgfp.apps.descriptors import judge
from imgfp.apps.sweep_job import collected
from imgfp.descriptors import NORMALISATIONS, encode_images, evaluate_descriptors
from imgfp.encoders import EncoderConfig, NetworkConfig, create_encoder, create_network, export_network
from imgfp.errors import InputError
from imgfp.metrics import evaluate
from imgfp.records import DescriptorSet, GroundTruth, Pairs, read_descriptors, write_descriptors
from imgfp.tracking import Parent, open_store

ROOT = Path(__file__).resolve().parents[2]
FIGURES = ("uap", "recall_at_1", "recall_at_10", "recall_at_p90", "threshold_at_p90")
PARENT = "mlflow.parentRunId"


@dataclass(frozen=True)
class Done:
    """What the app returned and printed."""

    code: int
    out: str
    errors: list[str]

    @property
    def table(self) -> dict[str, list[float]]:
        """The printed figures by normalisation."""
        lines = self.out.splitlines()
        rows = [line.split() for line in lines[next(n for n, line in enumerate(lines) if "uAP" in line) + 1 :]]
        return {row[0]: [float(value) for value in row[1:]] for row in rows if row[0] in ("none", *NORMALISATIONS)}


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """Runs the app with these overrides; everything it writes goes below tmp_path."""
    monkeypatch.setenv("IMGFP_THREADS", "1")
    OmegaConf.register_new_resolver("repo", lambda path: str(ROOT / path), replace=True)
    register_groups()
    folders = [f"paths.work={tmp_path / 'work'}", f"paths.mlruns={tmp_path / 'mlruns'}"]

    def run(*overrides: object) -> Done:
        with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
            config = compose("descriptors", [*folders, *map(str, overrides)], return_hydra_config=True)
        HydraConfig.instance().set_config(config)
        with open_dict(config):
            del config["hydra"]
        capsys.readouterr()
        code = judge(config)
        said = capsys.readouterr()
        return Done(code, said.out, said.err.splitlines())

    return run


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path, Path]:
    """Descriptors of 20 queries and 50 references, ground truth of 18, a background of 40; 16 dimensions."""
    rng = np.random.default_rng(0)

    def unit(matrix: np.ndarray) -> np.ndarray:
        return (matrix / np.linalg.norm(matrix, axis=1, keepdims=True)).astype(np.float32)

    def named(prefix: str, matrix: np.ndarray) -> DescriptorSet:
        return DescriptorSet(np.array([f"{prefix}{n:03d}" for n in range(len(matrix))]), unit(matrix))

    reference = rng.normal(size=(50, 16))
    query = reference[:20] + rng.normal(size=(20, 16)) * 0.8
    write_descriptors(tmp_path / "set.h5", query=named("Q", query), reference=named("R", reference))
    write_descriptors(tmp_path / "known.h5", background=named("T", rng.normal(size=(40, 16))))
    truth = GroundTruth.of([(f"Q{n:03d}", f"R{n:03d}" if n < 12 else "") for n in range(18)])
    truth.write_csv(tmp_path / "truth.csv")
    return tmp_path / "set.h5", tmp_path / "truth.csv", tmp_path / "known.h5"


def runs_of(mlruns: Path) -> list:
    """Newest first."""
    client = open_store(mlruns).client()
    experiments = [item for item in client.search_experiments() if item.name != "Default"]
    assert [item.name for item in experiments] == ["descriptors"]
    return client.search_runs([experiments[0].experiment_id])


def test_a_file_of_descriptors_under_every_normalisation(app, files, tmp_path) -> None:
    path, table, known = files
    names = ["none", *NORMALISATIONS]
    done = app(
        f"descriptors={path}", f"ground_truth={table}", f"background={known}", f"normalisation=[{','.join(names)}]"
    )
    assert (done.code, done.errors) == (0, [])
    assert "set: 18 queries, 50 references, descriptors of 16 dimensions, the best 180 pairs overall" in done.out
    truth = GroundTruth.read_csv(table)
    sets = [read_descriptors(path, part) for part in ("query", "reference")]
    background = read_descriptors(known, "background")
    plain = evaluate_descriptors(*sets, truth)
    runs = {run.data.tags["normalisation"]: run for run in runs_of(tmp_path / "mlruns")}
    assert list(done.table) == names
    assert set(runs) == set(names)
    for name, run in runs.items():
        wanted = plain if name == "none" else evaluate_descriptors(*sets, truth, background, NORMALISATIONS[name]())
        assert run.info.status == "FINISHED"
        assert PARENT not in run.data.tags
        assert {key: run.data.metrics[key] for key in FIGURES} == {key: getattr(plain, key) for key in FIGURES}
        normalised = {f"normalised/{key}": getattr(wanted, key) for key in FIGURES} if name != "none" else {}
        reached = {key: value for key, value in normalised.items() if value is not None}
        assert {key: value for key, value in run.data.metrics.items() if "/" in key} == reached
        rounded = [wanted.uap, wanted.recall_at_p90, wanted.recall_at_1, wanted.recall_at_10]
        assert done.table[name] == pytest.approx(rounded, abs=5.1e-5)
        assert run.data.params["normalisation.name"] == name
        assert run.data.params["descriptors"] == str(path)
        (predictions,) = (tmp_path / "work" / "set").glob(f"*/{name}/predictions.csv")
        assert f"{predictions}" in done.out
        assert evaluate(Pairs.read_csv(predictions), truth) == wanted
        assert predictions.with_name("precision_recall.png").stat().st_size > 1000
    assert runs["lyakaap"].data.params["normalisation.beta"] == "0.35"
    assert len({tuple(run.data.metrics.values()) for run in runs.values()}) >= len(names) - 1, "mean is sscd's default"


def test_settings_reach_what_they_set(app, files, tmp_path) -> None:
    path, table, known = files
    given = f"descriptors={path}", f"ground_truth={table}", f"background={known}"
    app(*given, "normalisation=[sscd]", "normalisation.sscd.weight=0.25", "answers=3", "cap=query", "pca=5")
    (run,) = runs_of(tmp_path / "mlruns")
    assert run.data.params["normalisation.weight"] == "0.25"
    assert run.data.tags["dimensions"] == "5"
    (predictions,) = (tmp_path / "work" / "set").glob("*/sscd/predictions.csv")
    assert np.unique(Pairs.read_csv(predictions).query_ids, return_counts=True)[1].tolist() == [3] * 18
    metrics = [run.data.metrics]
    for change in ("whiten=true", "pca=6", "normalisation.sscd.weight=0.5", "answers=4", "cap=global"):
        settings = {"normalisation.sscd.weight": "0.25", "answers": "3", "cap": "query", "pca": "5"}
        settings |= dict([change.split("=")])
        app(*given, "normalisation=[sscd]", *(f"{key}={value}" for key, value in settings.items()))
        metrics.append(runs_of(tmp_path / "mlruns")[0].data.metrics)
    assert len({tuple(sorted(each.items())) for each in metrics}) == len(metrics), "each changes the result"
    assert len(list((tmp_path / "work" / "set").glob("*/sscd/predictions.csv"))) == len(metrics)


def test_images_are_encoded_once(app, tiny_disc, tmp_path, monkeypatch) -> None:
    given = f"data.root={tiny_disc}", "encoder.size=96", "limit_dim=false"
    first = app(*given, "normalisation=[none,mean]")
    assert (first.code, list(first.table)) == (0, ["none", "mean"])
    assert "the best 70 pairs overall" in first.out
    assert "descriptors of 1280 dimensions" in first.out
    (plain, _) = sorted(runs_of(tmp_path / "mlruns"), key=lambda run: run.data.tags["normalisation"], reverse=True)
    assert plain.data.metrics["images_per_second"] > 0
    assert plain.data.params["encoder.size"] == "96"
    (dataset,) = plain.inputs.dataset_inputs
    assert dataset.dataset.name == tiny_disc.name

    monkeypatch.setattr("imgfp.pipeline.stages.describe.encode_images", lambda *_: pytest.fail("encoded again"))
    again = app(*given, "normalisation=[none,mean]")
    assert again.table == first.table
    assert "images_per_second" not in runs_of(tmp_path / "mlruns")[0].data.metrics
    app(*given, "normalisation=[sscd]")
    assert len(list((tmp_path / "work" / "encoded").iterdir())) == 3
    reference = read_descriptors(next((tmp_path / "work" / "encoded").glob("reference-*/descriptors.h5")), "reference")
    assert reference.matrix.shape == (5, 1280)
    known = next((tmp_path / "work" / "encoded").glob("background-*/descriptors.h5"))
    assert app(*given, "normalisation=[sscd]", f"background={known}").table == app(*given, "normalisation=sscd").table


def test_an_export_is_evaluated_as_its_card_says(app, tiny_disc, tmp_path) -> None:
    torch.manual_seed(0)
    checkpoint = tmp_path / "net.safetensors"
    network = create_network(NetworkConfig("esvit_nano", dim=16))
    export_network(network, checkpoint, {"size": 56})
    given = f"data.root={tiny_disc}", f"checkpoint={checkpoint}"
    done = app(*given)
    assert done.code == 0
    assert "descriptors of 16 dimensions" in done.out
    (run,) = runs_of(tmp_path / "mlruns")
    assert run.data.params["checkpoint"] == str(checkpoint)
    assert (run.data.params["encoder.name"], run.data.params["encoder.size"]) == ("esvit_nano", "56")
    encoded = tmp_path / "work" / "encoded"
    assert len(list(encoded.iterdir())) == 2, "no background: nothing needs it"
    query, readable, _ = encode_images(
        sorted((tiny_disc / "query_images").iterdir()), create_encoder(EncoderConfig(weights=str(checkpoint)))
    )
    kept = read_descriptors(next(encoded.glob("query-*/descriptors.h5")), "query")
    np.testing.assert_allclose(kept.matrix, query, atol=1e-6)
    assert readable.all()
    export_network(network, checkpoint, {"size": 112})
    app(*given)
    assert len(list(encoded.iterdir())) == 4, "another size"
    export_network(create_network(NetworkConfig("esvit_nano", dim=16)), checkpoint, {"size": 112})
    app(*given)
    assert len(list(encoded.iterdir())) == 6, "other weights"
    checkpoint.write_bytes(checkpoint.read_bytes()[:-1])
    with pytest.raises(InputError, match=r"net\.safetensors: sha256 .* differs from"):
        app(*given)
    checkpoint.with_suffix(".json").unlink()
    with pytest.raises(InputError, match=r"net\.safetensors: .*card"):
        app(*given)


def test_unreadable_images_are_reported_with_exit_3(app, files, tiny_disc, tmp_path) -> None:
    path, table, _ = files
    truth = GroundTruth.read_csv(table)
    lacking = GroundTruth(
        np.append(truth.queries, ["Q900", "Q901"]),
        np.append(truth.query_ids, "Q900"),
        np.append(truth.reference_ids, "R900"),
    )
    lacking.write_csv(table)
    done = app(f"descriptors={path}", f"ground_truth={table}")
    assert done.code == 3
    assert done.errors == [
        "2 of 20 queries of the ground truth have no descriptor (first: Q900): their pairs count as missed",
        "1 of 13 true references of the ground truth have no descriptor (first: R900): their pairs count as missed",
    ]
    assert "the best 200 pairs" in done.out

    broken = tmp_path / "broken"
    shutil.copytree(tiny_disc, broken)
    image = sorted((broken / "query_images").iterdir())[0]
    image.write_bytes(b"not an image")
    done = app(f"data.root={broken}", "encoder.size=64", "limit_dim=false")
    assert done.code == 3
    (line,) = done.errors
    assert line.startswith("1 image(s) skipped, listed in ")
    assert str(image) in line


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ("descriptors={h5}", "descriptors={h5}: give its ground truth too: ground_truth=FILE.csv"),
        ("ground_truth={csv}", "ground_truth={csv} belongs to descriptors=FILE.h5: give both"),
        ("descriptors={h5} ground_truth={h5}", "{h5} row 1: wrong header"),
        ("descriptors={csv} ground_truth={csv}", "{csv}: not a readable HDF5 file"),
        (
            "{both} normalisation=sscd",
            "normalisation and pca need a background set: give background=FILE.h5, or a folder",
        ),
        ("{both} pca=4", "normalisation and pca need a background set"),
        ("{both} whiten=true", "whiten=true has no effect without a projection: give pca=256 too"),
        ("{both} pca=17 background={known}", "pca=17: the descriptor dimension is 16: use 1 to 16"),
        ("{both} normalisation=sscd background={h5}", "{h5}: no dataset 'background' (found: query, query_ids,"),
        (
            "{both} normalisation=sscd background={wide}",
            "query dimension 16 differs from background dimension 300: extract",
        ),
        ("{both} answers=0", "answers=0: must be an integer >= 1"),
        ("{both} cap=all", "cap='all': must be one of global, query"),
        ("{both} encoder.size=64", "descriptors={h5}: no image is encoded: leave checkpoint and encoder out, or"),
        ("{both} checkpoint=none.safetensors", "checkpoint=none.safetensors: no such file: give an exported network"),
        ("{both} checkpoint={csv} encoder.weights=x", "checkpoint={csv} and encoder.weights=x: give one of them"),
        ("descriptors={wide} ground_truth={csv}", "descriptors of 300 dimensions: the challenge accepts at most 256:"),
        (
            "descriptors={mixed} ground_truth={csv}",
            "query dimension 300 differs from reference dimension 16: extract both",
        ),
        (
            "descriptors={other} ground_truth={csv}",
            "none of the 1 queries is among the 18 of the ground truth (first ids 'x' and",
        ),
        ("data.root={none}", "{none}: no such folder: give a DISC-style folder"),
        ("{both} normalisation=sscd normalisation.sscd.last=-1", "normalisation.sscd.last=-1: must be 0 <= first"),
    ],
)
def test_one_line_error_for_bad_input(app, files, tmp_path, overrides: str, message: str) -> None:
    path, table, known = files
    places = {"h5": path, "csv": table, "known": known, "none": tmp_path / "none"}
    reference = read_descriptors(path, "reference")
    wide = DescriptorSet(np.array(["Q000", "Q001"]), np.ones((2, 300), np.float32))
    places |= {name: tmp_path / f"{name}.h5" for name in ("wide", "mixed", "other")}
    write_descriptors(places["wide"], query=wide, reference=wide, background=wide)
    write_descriptors(places["mixed"], query=wide, reference=reference)
    alone = DescriptorSet(np.array(["x"]), reference.matrix[:1])
    write_descriptors(places["other"], query=alone, reference=reference)
    both = f"descriptors={path} ground_truth={table}"
    with pytest.raises(InputError) as caught:
        app(*overrides.format(both=both, **places).split())
    assert message.format(**places) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ("cap=all", "cap='all': must be one of global, query"),
        (
            "checkpoint={evil}",
            "checkpoint={evil}: the embedded encoder has built-in weights: set encoder.name too, or give",
        ),
        ("checkpoint={evil} encoder.name=test_vit", "checkpoint={evil}: not a safetensors file ("),
        ("checkpoint={evil} encoder.name=esvit_nano", "checkpoint={evil}: not a torch checkpoint, or truncated ("),
    ],
)
def test_refused_before_encoding(app, tiny_disc, tmp_path, overrides: str, message: str) -> None:
    evil = tmp_path / "evil.pth"
    evil.write_bytes(b"no weights")
    with pytest.raises(InputError) as caught:
        app(f"data.root={tiny_disc}", "limit_dim=false", *overrides.format(evil=evil).split())
    assert str(caught.value).startswith(message.format(evil=evil))
    assert not (tmp_path / "work").exists()


def test_too_many_dimensions_are_refused_before_encoding(app, tiny_disc, tmp_path) -> None:
    with pytest.raises(
        InputError, match=r"descriptors of 1280 dimensions: .*project them with pca=256, or evaluate them"
    ):
        app(f"data.root={tiny_disc}", "encoder.size=64")
    assert not (tmp_path / "work").exists()
    done = app(f"data.root={tiny_disc}", "encoder.size=64", "pca=2")
    assert "descriptors of 2 dimensions" in done.out


def test_ids_of_the_challenge_s_file_may_be_text_of_any_length(app, files) -> None:
    path, table, _ = files
    plain = app(f"descriptors={path}", f"ground_truth={table}").table
    with h5py.File(path, "r+") as file:
        for name in ("query_ids", "reference_ids"):
            ids = [item.decode() for item in file[name][()]]
            del file[name]
            file.create_dataset(name, data=ids, dtype=h5py.string_dtype())
    assert app(f"descriptors={path}", f"ground_truth={table}").table == plain


def test_a_sweep_has_one_parent(files, tmp_path, run_script) -> None:
    path, table, known = files
    given = f"descriptors={path}", f"ground_truth={table}", f"background={known}"
    swept = run_script("evaluate/descriptors.py", "-m", "normalisation=none,sscd", *given)
    assert swept.returncode == 0, swept.stderr
    runs = runs_of(tmp_path / "mlruns")
    (parent,) = [run for run in runs if PARENT not in run.data.tags]
    children = [run for run in runs if PARENT in run.data.tags]
    assert {run.data.tags[PARENT] for run in children} == {parent.info.run_id}
    assert sorted(run.data.tags["normalisation"] for run in children) == ["none", "sscd"]
    assert not {"outputs", "multirun"} & {item.name for item in tmp_path.iterdir()}
    assert parent.info.run_name == "descriptors: normalisation"
    assert sorted(run.info.run_name for run in children) == ["normalisation=none", "normalisation=sscd"]
    normalised = next(run for run in children if run.info.run_name == "normalisation=sscd").data.metrics
    assert parent.data.metrics["uap"] == max(normalised["uap"], normalised["normalised/uap"])

    # what is finished is not evaluated again; two normalisations in one job are two rows
    again = run_script("evaluate/descriptors.py", "-m", "normalisation=sscd,[none,sscd]", *given)
    assert again.returncode == 0, again.stderr
    assert len(runs_of(tmp_path / "mlruns")) == 4, "without the background, `none` is another evaluation"
    assert again.stderr.count("already evaluated; use resume=false to evaluate again") == 2
    assert "descriptors: normalisation: 3 runs: 2 reused, 1 finished" in again.stdout
    assert f"  {'sscd':<13}  {normalised['normalised/uap']:.4f}" in again.stdout


def training(folder: Path, epochs: int, dim: int = 8) -> Path:
    """The folder of a training of an earlier version: exports of the untrained network and so many epochs, the last is the best."""
    folder.mkdir()
    for epoch in range(epochs + 1):
        torch.manual_seed(epoch)
        network = create_network(NetworkConfig("test_efficientnet", dim=dim))
        card = {"size": 32, "epoch": epoch}
        export_network(network, folder / f"epoch-{epoch:03d}.safetensors", card)
    for suffix in (".safetensors", ".json"):
        (folder / f"best{suffix}").symlink_to(f"epoch-{epochs:03d}{suffix}")
    return folder


def rows_of(done: Done) -> dict[tuple[str, ...], list[float]]:
    """The printed figures by epoch, file and, if there are several, normalisation."""
    lines = done.out.splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith("epoch"))
    names = 2 + ("normalisation" in lines[start])
    rows = [line.split() for line in lines[start + 1 :] if line.lstrip()[:1].isdigit()]
    return {tuple(row[:names]): [float(value) for value in row[names : names + 3]] for row in rows}


def test_every_checkpoint_of_a_folder(app, tiny_disc, tmp_path, monkeypatch) -> None:
    folder = training(tmp_path / "mini-0a1b", 3)
    damaged = folder / "epoch-002.safetensors"
    kept = damaged.read_bytes()
    damaged.write_bytes(kept + b"x")
    given = f"data.root={tiny_disc}", f"checkpoint={folder}"
    done = app(*given)
    said = [line for line in done.errors if "%|" not in line]
    assert done.code == 3
    assert said[:2] == [f"evaluating mini-0a1b epoch {n} (epoch-00{n}.safetensors)" for n in (1, 3)]
    assert f"left out: {damaged}: sha256 " in said[2]
    assert said[3] == f"1 checkpoint(s) of {folder} left out, 2 evaluated"
    assert [row[0] for row in rows_of(done)] == ["1", "3"], "neither the untrained network nor the best again"

    mlruns = tmp_path / "mlruns"
    runs = {run.info.run_name: run for run in runs_of(mlruns)}
    assert sorted(runs) == [
        "mini-0a1b epoch 1",
        "mini-0a1b epoch 3",
        f"mini-0a1b on {tiny_disc.name}",
    ]
    parent = runs.pop(f"mini-0a1b on {tiny_disc.name}")
    assert {run.data.tags[PARENT] for run in runs.values()} == {parent.info.run_id}
    truth, client = GroundTruth.read_csv(tiny_disc / "ground_truth.csv"), open_store(mlruns).client()
    for (epoch, stem), figures in rows_of(done).items():
        encoder = create_encoder(EncoderConfig(weights=str(folder / f"{stem}.safetensors")))
        parts = [sorted((tiny_disc / f"{part}_images").iterdir()) for part in ("query", "reference")]
        sets = [DescriptorSet(np.array([p.stem for p in paths]), encode_images(paths, encoder)[0]) for paths in parts]
        wanted = evaluate_descriptors(*sets, truth)
        assert figures == pytest.approx([wanted.uap, wanted.recall_at_1, wanted.recall_at_p90], abs=5.1e-5)
        run = client.get_run(runs[f"mini-0a1b epoch {epoch}"].info.run_id)
        assert run.data.metrics["epoch"] == float(epoch)
        assert run.data.params["checkpoint"] == str(folder / f"{stem}.safetensors")
        (item,) = client.get_metric_history(run.info.run_id, "uap")
        assert (item.value, item.step) == (pytest.approx(wanted.uap, abs=1e-9), 0), "a result has no step"
        (output,) = run.outputs.model_outputs  # no training has logged it
        model = client.get_logged_model(output.model_id)
        assert {(metric.dataset_name, metric.value) for metric in model.metrics if metric.key == "uap"} == {
            (tiny_disc.name, item.value)
        }
        assert model.tags["imgfp.path"] == str(folder / f"{stem}.safetensors")
    curve = client.get_metric_history(parent.info.run_id, "validation/uap")
    assert [item.step for item in curve] == [1, 3]
    first, last = (next(item.value for item in curve if item.step == epoch) for epoch in (1, 3))
    best = 1 if first >= last else 3
    assert parent.data.metrics["best/epoch"] == best
    assert parent.data.metrics["uap"] == max(first, last)
    assert f"champion: mini-0a1b epoch {best} is now models:/imgfp-descriptor@champion, version 1 (uAP" in done.out
    assert [line.split()[0] for line in done.out.splitlines() if line.endswith("  best")] == [str(best)]

    # rerun: nothing is encoded or tracked again; an interrupted run is completed, the mended checkpoint joins
    with monkeypatch.context() as patch:
        patch.setattr("imgfp.pipeline.stages.describe.encode_images", lambda *_: pytest.fail("encoded again"))
        again = app(*given)
        assert (again.code, rows_of(again)) == (3, rows_of(done))
        assert f"champion: mini-0a1b epoch {best} is it already, version 1" in again.out
        sweep = Parent("key", "descriptors: checkpoint", "checkpoint=mini-0a1b", {"checkpoint": str(folder)})
        patch.setattr("imgfp.apps.checkpoint_folder.sweep_parent", lambda: sweep)
        collected()
        app(*given)
        (row,) = collected()
        assert (row.run_id, row.reused, row.figures["uap"]) == (parent.info.run_id, True, max(first, last))
        above = client.get_run(parent.info.run_id).data.tags[PARENT]
        client.delete_tag(parent.info.run_id, PARENT)
        client.delete_run(above)
        patch.setattr("imgfp.apps.checkpoint_folder.sweep_parent", lambda: None)
        assert len(runs_of(mlruns)) == 3
        client.set_terminated(runs["mini-0a1b epoch 1"].info.run_id, "KILLED")
        assert rows_of(app(*given)) == rows_of(done)
        assert len(runs_of(mlruns)) == 3
        assert client.get_run(runs["mini-0a1b epoch 1"].info.run_id).info.status == "FINISHED"
    damaged.write_bytes(kept)
    mended = app(*given)
    assert mended.code == 0
    assert [row[0] for row in rows_of(mended)] == ["1", "2", "3"]
    assert len(runs_of(mlruns)) == 4

    # under normalisations, in the same parent; other rules are another study, and no reason to move the champion
    both = app(*given, "normalisation=[none,mean]")
    assert list(rows_of(both))[:4] == [(str(n), f"epoch-00{n}", name) for n in (1, 2) for name in ("none", "mean")]
    runs = {run.info.run_name: run for run in runs_of(mlruns)}
    assert len(runs) == 7
    assert {run.data.tags.get(PARENT) for run in runs.values()} == {None, parent.info.run_id}
    normalised = runs["mini-0a1b epoch 1 mean"].data.metrics["normalised/uap"]
    assert rows_of(both)["1", "epoch-001", "mean"][0] == pytest.approx(normalised, abs=5.1e-5)
    other = app(*given, "answers=3", "champion=upwards")
    assert (
        "champion: not moved: it is chosen by the challenge's rules (answers=10, cap=global, no pca, at m" in other.out
    )
    assert len([run for run in runs_of(mlruns) if PARENT not in run.data.tags]) == 2


def test_a_folder_that_cannot_be_evaluated(app, tiny_disc, tmp_path) -> None:
    given, empty = f"data.root={tiny_disc}", tmp_path / "empty"
    empty.mkdir()
    bare, wide = training(tmp_path / "bare", 1), training(tmp_path / "wide", 1, dim=300)
    for card in bare.glob("*.json"):
        card.unlink()
    for folder, message in {
        empty: "no exported network (epoch-NNN.safetensors) in this folder: give the folder of a training that",
        bare: f"none of its exported networks can be used; the first: {bare}/epoch-000.safetensors: model card epo",
        wide: "none of its 1 checkpoints can be evaluated; the first: descriptors of 300 dimensions: the challenge",
    }.items():
        with pytest.raises(InputError) as caught:
            app(given, f"checkpoint={folder}")
        assert str(caught.value).startswith(f"checkpoint={folder}: {message}")
        assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match=r"every checkpoint of a folder encodes the images of data\.root: leave des"):
        app(f"checkpoint={wide}", "descriptors=x.h5", "ground_truth=x.csv")
    assert not [run for run in runs_of(tmp_path / "mlruns")], "no empty parent"


def test_the_champion_by_name(app, tiny_disc, tmp_path) -> None:
    weights = training(tmp_path / "mini", 1) / "epoch-001.safetensors"
    given = f"data.root={tiny_disc}"
    app(given, f"checkpoint={weights}", "champion=never")
    with pytest.raises(InputError, match=r"champion: no such model in .*: evaluate checkpoints first"):
        app(given, "checkpoint=champion")
    first = app(given, f"checkpoint={weights}")
    assert "champion: mini epoch 1 is now models:/imgfp-descriptor@champion, version 1" in first.out
    for named in ("checkpoint=champion", "encoder.name=champion", "checkpoint=models:/imgfp-descriptor/1"):
        assert app(given, named).table == first.table
        assert runs_of(tmp_path / "mlruns")[0].data.params["checkpoint"] == str(weights)
    moved = tmp_path / "moved.safetensors"
    for suffix in (".safetensors", ".json"):
        weights.with_suffix(suffix).rename(moved.with_suffix(suffix))
    with pytest.raises(InputError, match=r"champion: .*epoch-001\.safetensors is not there: restore it, or evaluate"):
        app(given, "checkpoint=champion")
    assert app(given, f"checkpoint={moved}").table == first.table, "encoded once, wherever the weights are"
    assert app(given, "checkpoint=champion", "champion=never").table == first.table
    for bad, message in (
        (["checkpoint=champion", "encoder.name=champion"], "checkpoint=champion and encoder.name=champion: give one"),
        (["checkpoint=champion", "encoder.weights=x"], "encoder champion and weights x: give one of them"),
        (["champion=sometimes"], "champion='sometimes': must be one of upwards, replace, never"),
    ):
        with pytest.raises(InputError) as caught:
            app(given, *bad)
        assert str(caught.value).startswith(message)


def test_the_champion_stays_where_the_store_took_no_evaluation(tmp_path, capsys, monkeypatch) -> None:
    store, app = open_store(tmp_path), SimpleNamespace(champion="upwards")
    contender = (SimpleNamespace(weights=None), 0.5, ("tiny", "abc"), True)
    tell_champion(store, app, *contender, elsewhere=True)
    assert capsys.readouterr().out.startswith(f"champion: not moved: {store.name} has not taken this evaluation: ")

    def away(*_: object) -> str:
        raise sqlite3.OperationalError("database is locked")

    monkeypatch.setattr(descriptor_evaluation, "move_champion", away)
    tell_champion(store, app, *contender)
    assert capsys.readouterr().out.startswith(f"champion: not moved: {store.name}: the database is locked by another")
