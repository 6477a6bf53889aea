"""The one interface of global encoders, and its implementation on a network."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from imgfp.encoders.card import card_path, load_export, read_card
from imgfp.encoders.esvit_checkpoint import fill_esvit, read_checkpoint
from imgfp.encoders.esvit_specs import ESVIT
from imgfp.encoders.model import GEM_P, Network, NetworkConfig, near_names
from imgfp.encoders.weights import EMBEDDED, load_embedded, load_safetensors
from imgfp.errors import InputError
from imgfp.threads import thread_count

SIZE = 224  # where neither a card nor the user says another


@dataclass(frozen=True)
class EncoderConfig:
    """Which network describes an image."""

    name: str = EMBEDDED  # the embedded network, an EsViT, or any model name of timm; an export's card says its own
    weights: str | None = (
        None  # an export, a checkpoint for an EsViT, a .safetensors file for a timm model, else timm's
    )
    size: int | None = None  # pictures are resized to size x size; None: the card's, else 224
    gem_p: float | None = None  # power of the generalised mean over the last map, 1: the mean; None: the card's, else 3


class Encoder(Protocol):
    """Image batch -> descriptors."""

    name: str
    dim: int
    size: int

    def encode(self, batch: np.ndarray) -> np.ndarray:
        """(n, size, size, 3) uint8 RGB to (n, dim) float32, rows of L2 norm 1."""
        ...


class NetworkEncoder:
    """A network in memory, used as it stands at each call: on its device, without dropout or batch statistics."""

    def __init__(self, network: Network, name: str, size: int) -> None:
        self.name, self.size, self.dim, self._network = name, size, network.dim, network

    def encode(self, batch: np.ndarray) -> np.ndarray:
        """See `Encoder.encode`."""
        with _evaluating(self._network), torch.inference_mode():
            pixels = torch.from_numpy(batch).to(self._network.mean.device).permute(0, 3, 1, 2)
            rows: np.ndarray = self._network(pixels).cpu().numpy()
            return rows


def create_encoder(config: EncoderConfig) -> Encoder:
    """The encoder that `config` names.

    Raises:
        InputError: no such model, weights that are not at hand or do not fit, settings against the card of an export.
    """
    torch.set_num_threads(thread_count())
    config = resolve_encoder(config)
    assert config.size is not None, "resolved"
    network = _network(config).eval()  # for good: threads that encode at once need not switch it
    encoder = NetworkEncoder(network, config.name, config.size)
    try:
        encoder.encode(np.zeros((1, config.size, config.size, 3), np.uint8))
    except (
        AssertionError,
        RuntimeError,
        ValueError,
    ) as error:  # whatever an architecture says to a size it cannot take
        reason = str(error).splitlines()[0]
        raise InputError(
            f"encoder.size={config.size}: {config.name} does not take it ({reason}): give another"
        ) from None
    return encoder


def encoder_from_network(network: Network, size: int) -> Encoder:
    """An encoder on a network in memory, such as one that is being trained; its modes are left as they were."""
    return NetworkEncoder(network, network.config.architecture, size)


def resolve_encoder(config: EncoderConfig) -> EncoderConfig:
    """The same encoder with every setting filled in; `gem_p` stays None for an EsViT.

    Raises:
        InputError: a setting that differs from the card of the export, or has no effect.
    """
    if not _has_card(config):
        esvit = config.name in ESVIT
        if esvit and config.gem_p is not None:
            raise InputError(f"encoder.gem_p={config.gem_p} has no effect with {config.name}: leave it out")
        gem_p = config.gem_p if esvit or config.gem_p is not None else GEM_P
        return replace(config, size=SIZE if config.size is None else config.size, gem_p=gem_p)
    card = read_card(Path(str(config.weights)))
    given = {"name": None if config.name == EMBEDDED else config.name, "size": config.size, "gem_p": config.gem_p}
    told = {"name": card["architecture"], "size": card["size"], "gem_p": card["gem_p"]}
    for key, value in given.items():
        if value is not None and value != told[key]:
            raise InputError(
                f"encoder.{key}={value!r}, but the card of {config.weights} says {told[key]!r}: leave encoder.{key} out"
            )
    return replace(config, **told)


def _has_card(config: EncoderConfig) -> bool:
    return (
        config.weights is not None
        and config.weights.endswith(".safetensors")
        and card_path(Path(config.weights)).is_file()
    )


def _network(config: EncoderConfig) -> Network:
    if config.weights is not None and _has_card(config):
        return load_export(Path(config.weights))[0]
    if config.name in ESVIT:
        return _esvit(config)
    if config.name == EMBEDDED and config.weights is not None:
        raise InputError(
            f"encoder.weights={config.weights}: the embedded encoder has its own weights: name a model too, "
            "or give an export (.safetensors) with its card (.json) beside it"
        )
    return _timm(config)


def _esvit(config: EncoderConfig) -> Network:
    """From a checkpoint: imgFp's with its head, EsViT's without one."""
    if config.weights is None:
        raise InputError(
            f"encoder.name={config.name!r}: its weights are in no package: give encoder.weights=CHECKPOINT"
        )
    path = Path(config.weights)
    if path.suffix == ".safetensors":
        read_card(path)  # says that there is none
    checkpoint = read_checkpoint(path)
    network = Network(NetworkConfig(config.name, checkpoint.head_dim))
    network.load_report = fill_esvit(network, checkpoint)
    return network


def _timm(config: EncoderConfig) -> Network:
    import timm

    if config.name != EMBEDDED and not timm.is_model(config.name):
        raise InputError(f"encoder.name={config.name!r}: timm has no such model; near: {near_names(config.name)}")
    assert config.gem_p is not None, "resolved"
    network = Network(NetworkConfig(config.name, 0, config.gem_p))
    if config.name == EMBEDDED:
        load_embedded(network.trunk)
    elif config.weights is not None:
        load_safetensors(network.trunk, config.weights)
    else:
        network.trunk.load_state_dict(_pretrained(config.name).state_dict())
    return network


def _pretrained(name: str) -> Any:
    import timm

    try:
        return timm.create_model(name, pretrained=True, num_classes=0)
    except Exception as error:  # the hub's client raises many kinds, RuntimeError for a model without weights
        raise InputError(
            f"encoder.name={name!r}: its weights are not at hand ({type(error).__name__}): "
            "give encoder.weights=FILE.safetensors"
        ) from None


@contextmanager
def _evaluating(network: Network) -> Iterator[None]:
    """Evaluation mode for a while; every part gets back its own, also where only some were in training."""
    training = [module for module in network.modules() if module.training]
    network.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True
