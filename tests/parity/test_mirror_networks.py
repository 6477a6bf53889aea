"""MIRorR's networks against golden/mirror/networks: the layers that the original gave for the same weights and images."""

from pathlib import Path

import numpy as np
import pytest
import torch
from mirror_rule import NETWORKS, write_rule_weights

from imgfp.mirror.networks import MirrorNetwork, open_network
from imgfp.mirror.preprocess import MEAN

TOLERANCE = 1e-5  # of a layer's largest value


@pytest.mark.parametrize("name", NETWORKS)
def test_layers(name: str, golden: Path, shared) -> None:
    folder = golden / "mirror/networks"
    files = [folder / "network_inputs.npz", folder / f"{name}_outputs.npz", folder / f"{name}_variables.json"]
    if missing := [file.name for file in files if not file.is_file()]:
        pytest.skip(f"{folder} has no {', '.join(missing)}")
    weights = shared("mirror_weights", lambda made: write_rule_weights(golden, made))
    network = open_network(NETWORKS[name], str(weights / f"{NETWORKS[name]}.safetensors"))
    seen = record_layers(network)
    with np.load(files[0]) as inputs, np.load(files[1]) as outputs:
        expected = dict(outputs)
        compared = set()
        for image, pixels in dict(inputs).items():
            final = network.maps((pixels.astype(np.float32) - MEAN)[None])
            compared |= {layer for layer in seen if compare(seen[layer], image, layer, expected)}
            full = next(key for key in expected if key in {f"{image}__pool5", f"{image}__inception_5b_output"})
            close(final[0].transpose(1, 2, 0), expected[full], full)
    layers = {key.split("__")[1] for key in expected if "_loss" not in key}
    known_gaps = {"conv1", "pool5_7x7_s1"}  # before its normalisation; of GoogLeNet's loss
    assert layers - compared <= known_gaps


def record_layers(network: MirrorNetwork) -> dict[str, np.ndarray]:
    """The maps (h, w, C) of the latest image by the original's layer name, filled at each call of `network`."""
    seen: dict[str, np.ndarray] = {}
    for path, module in network.module.named_modules():
        if path and type(module) is not torch.nn.Sequential:
            name = path.replace(".", "_")
            if type(module).__name__ == "Inception":
                name += "_output"
            elif type(module).__name__ == "Block":
                name = f"{name.replace('bn', 'res')}_relu"

            def keep(module: torch.nn.Module, given: object, made: torch.Tensor, name: str = name) -> None:
                seen[name] = made[0].permute(1, 2, 0).numpy().copy()

            module.register_forward_hook(keep)
    return seen


def compare(maps: np.ndarray, image: str, layer: str, expected: dict[str, np.ndarray]) -> bool:
    """Compares all that is stored of one layer; False where nothing is."""
    rows, columns = ([0, side // 2, side - 1] for side in maps.shape[:2])
    ours = {"": maps, "__mean": maps.mean(axis=(0, 1), dtype=np.float64), "__grid": maps[np.ix_(rows, columns)]}
    keys = [key for key in ours if f"{image}__{layer}{key}" in expected]
    for key in keys:
        close(ours[key], expected[f"{image}__{layer}{key}"], f"{image} {layer}{key}", float(np.abs(maps).max()))
    return bool(keys)


def close(got: np.ndarray, wanted: np.ndarray, what: str, largest: float | None = None) -> None:
    largest = float(np.abs(wanted).max()) if largest is None else largest
    assert got.shape == wanted.shape, what
    np.testing.assert_allclose(got, wanted, rtol=0, atol=TOLERANCE * largest, err_msg=what)
