"""Where training starts: a network with random, ImageNet or stored weights."""

from pathlib import Path

from imgfp.encoders.card import card_path, fill_from_export
from imgfp.encoders.esvit_checkpoint import fill_esvit, read_checkpoint
from imgfp.encoders.esvit_specs import ESVIT
from imgfp.encoders.model import Network, NetworkConfig
from imgfp.encoders.weights import EMBEDDED, load_embedded, load_safetensors

__all__ = ["Network", "NetworkConfig", "create_network"]


def create_network(config: NetworkConfig) -> Network:
    """The network that `config` names, with its start weights; random parts are drawn from torch's current seed.

    A head that a checkpoint of EsViT lacks stays random; `load_report` of the network tells.

    Raises:
        InputError: no such architecture, or weights that are damaged or do not fit.
    """
    network = Network(config)
    if config.weights is not None:
        _fill(network, Path(config.weights))
    elif config.architecture == EMBEDDED:
        load_embedded(network.trunk)
    return network


def _fill(network: Network, path: Path) -> None:
    """An EsViT takes exports and checkpoints of EsViT and imgFp; others exports and timm's .safetensors."""
    exported = path.suffix == ".safetensors"
    if exported and (network.config.architecture in ESVIT or card_path(path).is_file()):
        fill_from_export(network, path)
    elif network.config.architecture in ESVIT:
        network.load_report = fill_esvit(network, read_checkpoint(path))
    else:
        load_safetensors(network.trunk, str(path), "weights")
