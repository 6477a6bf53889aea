"""imgfp describe --encoder champion: the weights that MLflow's alias names, and what was made by an earlier champion."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from imgfp.encoders import EncoderConfig, Network, NetworkConfig, export_network
from imgfp.errors import InputError
from imgfp.images import ImageList
from imgfp.pipeline.index.index import build_index, open_index
from imgfp.pipeline.presets import PRESETS
from imgfp.pipeline.run_config import RunConfig
from imgfp.pipeline.search import search
from imgfp.records import read_descriptors
from imgfp.studies.checkpoints import Checkpoint
from imgfp.tracking import Contender, log_evaluation, move_champion, open_store, resolved_encoder, tracked_run


def champion(mlruns: Path, path: Path, uap: float) -> Path:
    """Exports a network that becomes the champion."""
    torch.manual_seed(int(100 * uap))
    export_network(Network(NetworkConfig("test_efficientnet", dim=8)), path, {"size": 32, "experiment": "mini"})
    store, weights = open_store(mlruns), Checkpoint.read(path).weights
    with tracked_run(store, "descriptors", "judged", {}) as run:
        log_evaluation(run, weights, {"uap": uap}, ("tiny", "abc"))
    assert "is now" in move_champion(store, Contender(weights, uap, ("tiny", "abc")))
    return path


def test_describe_by_the_champion(imgfp, tiny_disc, tmp_path) -> None:
    folders, mlruns = (tiny_disc / "query_images", tiny_disc / "reference_images"), tmp_path / "mlruns"
    first = champion(mlruns, tmp_path / "first.safetensors", 0.1)
    said = imgfp("describe", *folders, "--out", tmp_path / "a.h5", "--encoder", "champion", "--mlruns", mlruns)
    assert said.code == 0
    assert said.errors == [f"encoder champion: {first} (imgfp-descriptor version 1, first: uAP 0.1000 on tiny)"]
    imgfp("describe", *folders, "--out", tmp_path / "b.h5", "--weights", first)
    found, wanted = (read_descriptors(tmp_path / name, "query").matrix for name in ("a.h5", "b.h5"))
    assert found.shape == (7, 8)
    assert (found == wanted).all()

    # an index made by the champion, before another checkpoint takes the alias
    def run() -> RunConfig:
        encoder = resolved_encoder(EncoderConfig("champion"), mlruns)
        return RunConfig("default", replace(PRESETS["default"], encoder=encoder), ("global",))

    before, index = run(), tmp_path / "index"
    build_index(ImageList.open(folders[1]), index, before)
    assert open_index(index).extraction.encoder.weights == str(first)
    second = champion(mlruns, tmp_path / "second.safetensors", 0.2)
    again = ["describe", *folders, "--out", tmp_path / "a.h5", "--mlruns", mlruns, "--encoder"]
    said = imgfp(*again, "champion")
    assert said.code == 2
    assert f"encoder champion: {second} (imgfp-descriptor version 2, second: uAP 0.2000" in said.errors[0]
    assert "a.h5.work/query was made with settings.encoder.weights_sha256 = " in said.errors[1]
    assert said.errors[1].endswith("give another output folder, or delete this one")
    assert imgfp(*again, "models:/imgfp-descriptor/1").code == 0
    with pytest.raises(InputError, match=r"was built with .*first\.safetensors.*, now it is .*second\.safetensors.*"):
        search(open_index(index), ImageList.open(folders[0]), tmp_path / "found", run())
    with pytest.raises(InputError, match=r"index is an index with extraction\.encoder = .*first.*, now it is .*second"):
        build_index(ImageList.open(folders[1]), index, run())

    for given, message in (
        (
            ("--encoder", "models:/x", "--mlruns", mlruns),
            "models:/x: not a model address: give champion, models:/NAME@",
        ),
        (
            ("--encoder", "champion", "--mlruns", tmp_path / "x"),
            f"{tmp_path / 'x'}: no mlflow.db found: give an MLflow store",
        ),
        (("--encoder", "champion", "--weights", first), f"encoder champion and weights {first}: give one of them"),
        (("--mlruns", mlruns), f"--mlruns {mlruns} has no effect with --encoder efficientnet_lite0_imagenet: leave"),
    ):
        said = imgfp("describe", *folders, "--out", tmp_path / "c.h5", *given)
        assert said.code == 2
        (line,) = said.errors
        assert line.startswith(f"imgfp describe: {message}")
