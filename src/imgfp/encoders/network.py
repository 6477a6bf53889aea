"""Creates a network with its initial weights: random, ImageNet or loaded from a file."""

from pathlib import Path

from imgfp.encoders.card import card_path, fill_from_export
from imgfp.encoders.custom import CustomNetwork, CustomNetworkConfig
from imgfp.encoders.esvit_checkpoint import fill_esvit, read_checkpoint
from imgfp.encoders.esvit_specs import ESVIT
from imgfp.encoders.model import Network, NetworkConfig
from imgfp.encoders.weights import EMBEDDED, load_embedded, load_pretrained, load_safetensors
from imgfp.errors import InputError

__all__ = ["CustomNetworkConfig", "Network", "NetworkConfig", "create_network", "require_weights_choice"]


def create_network(config: NetworkConfig | CustomNetworkConfig) -> Network:
    """Creates the network that `config` names, with its initial weights; torch's current random state seeds random parts.

    A head that is missing from an EsViT checkpoint stays random; see the network's `load_report`.

    Raises:
        InputError: unknown architecture, or weights that are damaged or do not fit.
    """
    if isinstance(config, CustomNetworkConfig):
        network: Network = CustomNetwork(config)
        if config.weights is not None:
            fill_from_export(network, Path(config.weights))
        return network
    network = Network(config)
    if config.weights is not None:
        _load_weights(network, Path(config.weights))
    elif config.architecture == EMBEDDED and config.pretrained is not False:
        load_embedded(network.trunk)
    elif config.pretrained:
        load_pretrained(network.trunk, config.architecture, "network.architecture", "network.weights=FILE.safetensors")
    return network


def require_weights_choice(config: NetworkConfig) -> None:
    """Raises InputError for a timm model of which neither weights nor `pretrained` say what it starts from."""
    own = config.architecture == EMBEDDED or config.architecture in ESVIT
    if not own and config.weights is None and config.pretrained is None:
        raise InputError(
            f"network.architecture={config.architecture}: give network.pretrained=true (timm's weights), "
            "network.pretrained=false (random weights) or network.weights=FILE.safetensors"
        )


def _load_weights(network: Network, path: Path) -> None:
    """An EsViT accepts exports and checkpoints of EsViT and imgFp; other networks exports and timm's .safetensors."""
    exported = path.suffix == ".safetensors"
    if exported and (network.config.architecture in ESVIT or card_path(path).is_file()):
        fill_from_export(network, path)
    elif network.config.architecture in ESVIT:
        network.load_report = fill_esvit(network, read_checkpoint(path))
    else:
        load_safetensors(network.trunk, str(path), "weights")
