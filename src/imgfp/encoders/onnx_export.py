"""A descriptor network as an ONNX file that gives the same descriptors; onnx and onnxruntime are needed for this alone."""

import hashlib
import logging
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from imgfp.encoders.encoder import EncoderConfig, load_network, resolve_encoder
from imgfp.encoders.model import Network
from imgfp.errors import InputError
from imgfp.files import atomic_path, hash_file
from imgfp.install_check import require_extra

TOLERANCE = 1e-4  # of a descriptor's component; descriptors have length 1
INPUT, OUTPUT = "pixels", "descriptors"
_OPSET = 18
_BATCHES = (1, 2, 5)  # that are compared


@dataclass(frozen=True)
class OnnxExport:
    """What was written. `difference`: the largest one of any component from torch's; `metadata`: as in the file."""

    path: Path
    difference: float
    metadata: Mapping[str, str]


def export_onnx(config: EncoderConfig, path: Path) -> OnnxExport:
    """Writes the network of `config` to `path`, and compares it with torch before the file is there.

    Input `pixels`: (n, 3, size, size) float32, RGB, 0..255, of images resized to size x size without cropping; any n.
    Output `descriptors`: (n, dim) float32, rows of L2 norm 1. The normalisation by mean and standard deviation is part of
    the network. The file's metadata says all of that, and the sha256 of the weights.

    Raises:
        InputError: onnx or onnxruntime is missing; no such network; it cannot be exported; its outputs differ.
    """
    require_extra("onnx", "onnx", "onnxruntime")
    config = resolve_encoder(config)
    assert config.size is not None, "resolved"
    network = load_network(config).eval()
    metadata = _metadata(network, config)
    with atomic_path(path) as temporary:
        _write(network, config, temporary)
        _add_metadata(temporary, metadata)
        difference = _compare(network, config.size, temporary)
        if not difference <= TOLERANCE:
            raise InputError(
                f"{path}: not written: its descriptors would differ from torch's by up to {difference:.2g}, more than "
                f"{TOLERANCE:g}: this network cannot be exported"
            )
    return OnnxExport(path, difference, metadata)


def _metadata(network: Network, config: EncoderConfig) -> dict[str, str]:
    mean, std = ((values.flatten() / 255).tolist() for values in (network.mean, network.std))
    return {
        "architecture": network.config.architecture,
        "dim": str(network.dim),
        "size": str(config.size),
        "input": f"RGB, 0..255, float32, (n, 3, {config.size}, {config.size}); images resized without cropping",
        "mean": " ".join(f"{value:g}" for value in mean),
        "std": " ".join(f"{value:g}" for value in std),
        "normalisation": "(pixels / 255 - mean) / std, inside the network",
        "output": f"(n, {network.dim}), L2 norm 1",
        "weights_sha256": _weights_hash(network, config),
    }


def _weights_hash(network: Network, config: EncoderConfig) -> str:
    """Of the file that they come from; of the tensors where there is none."""
    if config.weights is not None:
        return hash_file(Path(config.weights))
    found = hashlib.sha256()
    for _, tensor in sorted(network.state_dict().items()):
        found.update(tensor.contiguous().numpy().tobytes())
    return found.hexdigest()


def _write(network: Network, config: EncoderConfig, path: Path) -> None:
    assert config.size is not None, "resolved"
    example = torch.zeros((2, 3, config.size, config.size))
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), torch.inference_mode():
            warnings.simplefilter("ignore")  # that this exporter is the older one: the other needs onnxscript
            torch.onnx.export(
                network,
                (example,),
                str(path),
                input_names=[INPUT],
                output_names=[OUTPUT],
                dynamic_axes={INPUT: {0: "n"}, OUTPUT: {0: "n"}},
                opset_version=_OPSET,
                dynamo=False,
            )
    except Exception as error:  # torch has a dozen types for what a network has and ONNX has not
        reason = str(error).splitlines()[0][:200] if str(error) else ""
        raise InputError(
            f"{config.name}: cannot be exported to ONNX ({type(error).__name__}: {reason}): export another network"
        ) from None


def _add_metadata(path: Path, metadata: Mapping[str, str]) -> None:
    import onnx

    model = onnx.load(str(path))
    for key, value in metadata.items():
        model.metadata_props.add(key=key, value=value)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def _compare(network: Network, size: int, path: Path) -> float:
    """The largest difference of a component on random images, in batches of several sizes."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(0)
    largest = 0.0
    for count in _BATCHES:
        pixels = rng.integers(0, 256, (count, 3, size, size)).astype(np.float32)
        pixels[0] = rng.integers(0, 256, (3, 1, 1))  # of one colour
        with torch.inference_mode():
            wanted = network(torch.from_numpy(pixels)).numpy()
        (found,) = session.run([OUTPUT], {INPUT: pixels})
        largest = max(largest, float(np.abs(found - wanted).max()))
    return largest
