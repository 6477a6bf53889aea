"""Checks of the network and the loss of a training: first what files say, then what must be made to be known."""

from pathlib import Path

from imgfp.encoders import EMBEDDED, CustomNetworkConfig, NetworkConfig
from imgfp.encoders.card import card_path, check_export
from imgfp.encoders.esvit_checkpoint import read_checkpoint, require_structure
from imgfp.encoders.esvit_specs import ESVIT
from imgfp.errors import InputError
from imgfp.learning.losses import CustomLossConfig, check_custom_loss
from imgfp.learning.losses.create import LossConfig

_checked: set[str] = set()  # a sweep's jobs often have the same


def check_architecture(config: NetworkConfig | CustomNetworkConfig) -> None:
    """The name and the weights' file, without timm.

    Raises:
        InputError: an unknown network; weights that are damaged, or those of another one; no choice of weights.
    """
    if config.weights is None or str(config) in _checked:
        return
    path = Path(config.weights)
    if not path.is_file():
        raise InputError(f"network.weights={path}: no such file: give an export (.safetensors) or a checkpoint")
    if path.suffix != ".safetensors" and config.architecture in ESVIT:
        require_structure(config.architecture, read_checkpoint(path))
    elif isinstance(config, CustomNetworkConfig) or config.architecture in ESVIT or card_path(path).is_file():
        check_export(config, path)
    else:
        _require_safetensors(path)
    _checked.add(str(config))


def check_parts(
    network: NetworkConfig | CustomNetworkConfig,
    loss: LossConfig,
    sizes: tuple[int, ...],
    gradient_checkpointing: bool = False,
) -> None:
    """What only the parts themselves know: whether they can be made, and what they return.

    An EsViT and the embedded network take any size and support gradient checkpointing, so they are made only where
    something else needs it.

    Raises:
        InputError: a size that the network refuses, weights that do not fit, a class from outside that breaks its contract,
            no support of gradient checkpointing where it is wanted.
    """
    if (key := f"{network} {loss} {sizes} {gradient_checkpointing}") in _checked:
        return
    loss_from_outside = isinstance(loss, CustomLossConfig)
    any_size = network.architecture in ESVIT or network.architecture == EMBEDDED
    made = network.weights is not None and not card_path(Path(network.weights)).is_file()
    if any_size and not made and not loss_from_outside:
        return
    from imgfp.encoders.build_check import check_network

    dim = check_network(network, tuple(sorted(set(sizes))), gradient_checkpointing)
    if isinstance(loss, CustomLossConfig):
        check_custom_loss(loss, dim)
    _checked.add(key)


def _require_safetensors(path: Path) -> None:
    """Reads the header only."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt"):
            pass
    except SafetensorError as error:
        raise InputError(
            f"network.weights={path}: not a safetensors file ({error}): convert the weights to safetensors"
        ) from None
