"""Photographs to features against golden/mirror/networks/inference: sizes, network input, the original's .npy files."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mirror_rule import write_rule_weights

from imgfp.errors import InputError
from imgfp.images import Failure
from imgfp.mirror.describe import RegionsConfig, describe_image
from imgfp.mirror.networks import MirrorNetwork, open_network
from imgfp.mirror.preprocess import crop_input, read_source, resized_shape

INPUT_TOLERANCE = 1e-4
TOLERANCE, DECODER_TOLERANCE = 1e-5, 2e-2  # of the largest value; JPEGs decoded by the original, by us


@pytest.fixture
def inference(golden: Path) -> Path:
    folder = golden / "mirror/networks/inference"
    if not folder.is_dir():
        pytest.skip(f"no {folder}")
    return folder


@pytest.fixture
def photographs(inference: Path) -> dict[str, np.ndarray]:
    """As the original decoded them, by stem; a JPEG whose decoded form is not stored is left out."""
    stored = inference / "decoded_jpeg.npz"
    found: dict[str, np.ndarray] = {}
    if stored.is_file():
        with np.load(stored) as arrays:
            found = {key.removesuffix("__decoded"): arrays[key] for key in arrays}
    for path in (inference / "photos").glob("*.png"):
        image = read_source(path, 0, crops=True)
        assert not isinstance(image, Failure)
        found[path.stem] = image
    return found


@pytest.fixture
def runs(inference: Path) -> list[dict[str, Any]]:
    listed = inference / "runs.json"
    if not listed.is_file():
        pytest.skip(f"no {listed}")
    loaded: list[dict[str, Any]] = json.loads(listed.read_text())
    return loaded


def test_resized_shapes_and_crops(inference: Path) -> None:
    listed = inference / "resize_dims.csv"
    if not listed.is_file():
        pytest.skip(f"no {listed}")
    with listed.open(newline="") as file:
        rows = [{key: int(value) for key, value in row.items()} for row in csv.DictReader(file)]
    assert rows
    for row in rows:
        height, width = resized_shape(row["height"], row["width"], row["img_size"])
        got = (width, height, (width - row["img_size"]) // 2, (height - row["img_size"]) // 2)
        assert got == (row["resized_width"], row["resized_height"], row["crop_left"], row["crop_top"]), row


def test_network_input(inference: Path, photographs: dict[str, np.ndarray]) -> None:
    compared = 0
    for stored in inference.glob("network_input_*.npz"):
        with np.load(stored) as arrays:
            for key in arrays:
                photograph, _, size = key.partition("__")
                if photograph not in photographs:
                    continue
                pixels = crop_input(photographs[photograph], int(size))
                if f"rows_cols__{size}" in arrays:
                    places = arrays[f"rows_cols__{size}"]
                    pixels = pixels[np.ix_(places, places)]
                np.testing.assert_allclose(pixels, arrays[key], rtol=0, atol=INPUT_TOLERANCE, err_msg=key)
                compared += 1
    if not compared:
        pytest.skip(f"{inference} has no network input of its photographs")


def test_features(
    inference: Path, golden: Path, shared, photographs: dict[str, np.ndarray], runs: list[dict[str, Any]]
) -> None:
    """From the original's decoded form; also with our own JPEG decoder, at the smallest size that is stored."""
    weights = shared("mirror_weights", lambda made: write_rule_weights(golden, made))
    networks: dict[str, MirrorNetwork] = {}
    smallest = {(run["net"], image): run["img_size"] for run in reversed(by_size(runs)) for image in run["images"]}
    compared = 0
    for run in by_size(runs):
        file = weights / f"{run['net']}.safetensors"
        if "fails" in run or not file.is_file():
            continue
        config = config_of(run, str(file))
        assert config.region_count == run["shape"][1], run["run"]
        network = networks.setdefault(run["net"], open_network(run["net"], str(file)))
        for image in run["images"]:
            path = inference / "photos" / image
            expected = np.load(inference / "npy" / run["run"] / f"{path.stem}.npy")
            sources: list[tuple[Any, float]] = []
            if path.stem in photographs:
                sources.append((photographs[path.stem], TOLERANCE))
            if path.suffix == ".jpg" and smallest[run["net"], image] == run["img_size"]:
                sources.append((path, DECODER_TOLERANCE))
            for source, tolerance in sources:
                values = describe_image(source, network, config)
                assert not isinstance(values, Failure)
                limit = tolerance * np.abs(expected).max()
                np.testing.assert_allclose(values.T, expected, rtol=0, atol=limit, err_msg=f"{run['run']} {image}")
                compared += 1
    if not compared:
        pytest.skip(f"{inference} has no features of its photographs")


def test_what_the_original_cannot_do(runs: list[dict[str, Any]]) -> None:
    """Refused with the size named. Pooling by L2, which fails in the original by mistake, works here."""
    failing = [run for run in runs if "fails" in run and run["pool"] != "L2"]
    if not failing:
        pytest.skip("no run that fails")
    for run in failing:
        with pytest.raises(InputError, match=f"img-size {run['img_size']}"):
            config_of(run, None)


def by_size(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted((run for run in runs if "fails" not in run), key=lambda run: int(run["img_size"]))


def config_of(run: dict[str, Any], weights: str | None) -> RegionsConfig:
    steps = tuple(map(int, run["rmac_step"].split(",")))
    return RegionsConfig(run["net"], weights, run["img_size"], run["pool"], steps, run["multi_scale"])
