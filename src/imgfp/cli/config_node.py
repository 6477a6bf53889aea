"""A typed setting as a node of Hydra's configuration."""

from typing import Any

from omegaconf import DictConfig, OmegaConf


def writable_node(settings: Any) -> Any:
    """The node of a dataclass. Frozen ones become read-only nodes, which the command line could not change."""
    node = OmegaConf.structured(settings)
    _unlock(node)
    return node


def _unlock(node: Any) -> None:
    if isinstance(node, DictConfig):
        OmegaConf.set_readonly(node, False)
        for key in node:
            _unlock(node[key])
