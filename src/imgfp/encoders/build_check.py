"""Builds a network to find out whether it can be built, and which sizes of images it takes."""

import torch

from imgfp.encoders.custom import CustomNetwork, CustomNetworkConfig, check_custom_network
from imgfp.encoders.model import Network, NetworkConfig
from imgfp.encoders.network import create_network
from imgfp.errors import InputError


def check_network(
    config: NetworkConfig | CustomNetworkConfig, sizes: tuple[int, ...], gradient_checkpointing: bool = False
) -> int:
    """The length of the network's descriptors.

    Raises:
        InputError: as `create_network`; a size that the network refuses; a class that breaks its contract;
            gradient checkpointing is wanted and not supported.
    """
    state = torch.get_rng_state()
    try:
        if isinstance(config, CustomNetworkConfig):
            network: Network = create_network(config)
            assert isinstance(network, CustomNetwork)
            for size in sizes:
                check_custom_network(network, size)
        else:
            drawn = config.weights is None and not config.pretrained
            network = _without_memory(config) if drawn else create_network(config)
            for size in sizes:
                _require_size(network, config, size)
        if gradient_checkpointing:
            network.checkpoint_gradients()
        return network.dim
    finally:
        torch.set_rng_state(state)


def _without_memory(config: NetworkConfig) -> Network:
    """On torch's device for shapes, where no weight is stored or drawn."""
    try:
        with torch.device("meta"):
            return Network(config)
    except InputError:
        raise
    except Exception:  # an architecture that computes with its weights when it is made
        return Network(config)


@torch.inference_mode()
def _require_size(network: Network, config: NetworkConfig, size: int) -> None:
    network.eval()
    try:
        network.to("meta")(torch.zeros(1, 3, size, size, device="meta"))
        return
    except Exception:  # perhaps only without values
        real = Network(config).eval()
    try:
        real(torch.zeros(1, 3, size, size))
    except Exception as error:  # architectures raise different errors for unsupported sizes
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(
            f"size={size}: not supported by {config.architecture} ({reason}): choose another size"
        ) from None
