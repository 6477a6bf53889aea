"""The interface of global encoders, and its implementation by a network."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import torch

from imgfp.encoders.card import card_path, load_export, read_card
from imgfp.encoders.esvit_checkpoint import fill_esvit, read_checkpoint
from imgfp.encoders.esvit_specs import ESVIT
from imgfp.encoders.model import GEM_P, Network, NetworkConfig, similar_names
from imgfp.encoders.weights import EMBEDDED, load_embedded, load_pretrained, load_safetensors
from imgfp.errors import InputError
from imgfp.threads import thread_count

SIZE = 224  # default input size


@dataclass(frozen=True)
class EncoderConfig:
    """The network that computes global descriptors."""

    name: str = EMBEDDED  # the embedded network, an EsViT or any timm model; an export's model card states its own
    # an export, an EsViT checkpoint, or a .safetensors file for a timm model; None: timm's pretrained weights
    weights: str | None = None
    size: int | None = None  # images are resized to size x size; None: from the model card, else 224
    gem_p: float | None = None  # GeM power over the last feature map, 1: mean; None: from the model card, else 3


class Encoder(Protocol):
    """Maps image batches to descriptors."""

    name: str
    dim: int
    size: int

    def encode(self, batch: np.ndarray) -> np.ndarray:
        """(n, size, size, 3) uint8 RGB to (n, dim) float32, rows of L2 norm 1."""
        ...


class NetworkEncoder:
    """Wraps a network in memory; runs on the network's device, in eval mode, with its weights at the time of the call."""

    def __init__(self, network: Network, name: str, size: int) -> None:
        self.name, self.size, self.dim, self._network = name, size, network.dim, network

    def encode(self, batch: np.ndarray) -> np.ndarray:
        """See `Encoder.encode`."""
        with _eval_mode(self._network), torch.inference_mode():
            pixels = torch.from_numpy(batch).to(self._network.mean.device).permute(0, 3, 1, 2)
            rows: np.ndarray = self._network(pixels).cpu().numpy()
            return rows


def create_encoder(config: EncoderConfig) -> Encoder:
    """Creates the encoder that `config` names.

    Raises:
        InputError: no such model, weights that are unavailable or do not fit, or settings that contradict an export's card.
    """
    torch.set_num_threads(thread_count())
    config = resolve_encoder(config)
    assert config.size is not None, "resolved"
    network = load_network(config).eval()  # for good: threads that encode at once need not switch it
    encoder = NetworkEncoder(network, config.name, config.size)
    try:
        encoder.encode(np.zeros((1, config.size, config.size, 3), np.uint8))
    except (
        AssertionError,
        RuntimeError,
        ValueError,
    ) as error:  # architectures raise different errors for unsupported sizes
        reason = str(error).splitlines()[0]
        raise InputError(
            f"encoder.size={config.size}: not supported by {config.name} ({reason}): choose another size"
        ) from None
    return encoder


def encoder_from_network(network: Network, size: int) -> Encoder:
    """An encoder for a network in memory, such as one in training; its train/eval modes are restored after each call."""
    return NetworkEncoder(network, network.config.architecture, size)


def resolve_encoder(config: EncoderConfig) -> EncoderConfig:
    """Fills in every setting left at None; `gem_p` stays None for an EsViT.

    Raises:
        InputError: a setting that contradicts the export's model card, or has no effect.
    """
    if not _has_card(config):
        esvit = config.name in ESVIT
        if esvit and config.gem_p is not None:
            raise InputError(f"encoder.gem_p={config.gem_p} has no effect with {config.name}: remove it")
        gem_p = config.gem_p if esvit or config.gem_p is not None else GEM_P
        return replace(config, size=SIZE if config.size is None else config.size, gem_p=gem_p)
    card = read_card(Path(str(config.weights)))
    given = {"name": None if config.name == EMBEDDED else config.name, "size": config.size, "gem_p": config.gem_p}
    stated = {"name": card["architecture"], "size": card["size"], "gem_p": card["gem_p"]}
    for key, value in given.items():
        if value is not None and value != stated[key]:
            raise InputError(
                f"encoder.{key}={value!r}, but the model card of {config.weights} has {stated[key]!r}: remove encoder.{key}"
            )
    return replace(config, **stated)


def _has_card(config: EncoderConfig) -> bool:
    return (
        config.weights is not None
        and config.weights.endswith(".safetensors")
        and card_path(Path(config.weights)).is_file()
    )


def load_network(config: EncoderConfig) -> Network:
    """The network of a config that `resolve_encoder` has filled in, with its weights.

    Raises:
        InputError: no such model, or weights that are unavailable or do not fit.
    """
    if config.weights is not None and _has_card(config):
        return load_export(Path(config.weights))[0]
    if config.name in ESVIT:
        return _esvit(config)
    if config.name == EMBEDDED and config.weights is not None:
        raise InputError(
            f"encoder.weights={config.weights}: the embedded encoder has built-in weights: set encoder.name too, "
            "or give an export (.safetensors) with its model card (.json) next to it"
        )
    return _timm(config)


def _esvit(config: EncoderConfig) -> Network:
    """Builds an EsViT from a checkpoint: imgFp's with its head, EsViT's without one."""
    if config.weights is None:
        raise InputError(
            f"encoder.name={config.name!r}: no pretrained weights are bundled: give encoder.weights=CHECKPOINT"
        )
    path = Path(config.weights)
    if path.suffix == ".safetensors":
        read_card(path)  # raises: the card is missing
    checkpoint = read_checkpoint(path)
    network = Network(NetworkConfig(config.name, checkpoint.head_dim))
    network.load_report = fill_esvit(network, checkpoint)
    return network


def _timm(config: EncoderConfig) -> Network:
    import timm

    if config.name != EMBEDDED and not timm.is_model(config.name):
        raise InputError(
            f"encoder.name={config.name!r}: unknown timm model: closest matches: {similar_names(config.name)}"
        )
    assert config.gem_p is not None, "resolved"
    network = Network(NetworkConfig(config.name, 0, config.gem_p))
    if config.name == EMBEDDED:
        load_embedded(network.trunk)
    elif config.weights is not None:
        load_safetensors(network.trunk, config.weights)
    else:
        load_pretrained(network.trunk, config.name, "encoder.name", "encoder.weights=FILE.safetensors")
    return network


@contextmanager
def _eval_mode(network: Network) -> Iterator[None]:
    """Eval mode within the `with` block; afterwards the mode of every module is restored."""
    training = [module for module in network.modules() if module.training]
    network.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True
