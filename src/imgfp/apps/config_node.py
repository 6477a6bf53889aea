"""A typed setting as a node of Hydra's configuration."""

from typing import Any

from omegaconf import DictConfig, OmegaConf

from imgfp.errors import InputError


def writable_node(settings: Any) -> Any:
    """The node of a dataclass. Frozen ones become read-only nodes, which the command line could not change."""
    node = OmegaConf.structured(settings)
    _unlock(node)
    return node


def whole_number(config: DictConfig, key: str) -> int:
    """A setting that is a whole number from 0 on.

    Raises:
        InputError: it is something else.
    """
    value = config[key]
    if type(value) is not int or value < 0:
        raise InputError(f"{config._get_full_key(key)}={value}: give a whole number from 0 on")
    return value


def number(config: DictConfig, key: str) -> float:
    """A setting that is a number.

    Raises:
        InputError: it is something else.
    """
    value = config[key]
    if type(value) not in (int, float):
        raise InputError(f"{config._get_full_key(key)}={value}: give a number")
    return float(value)


def _unlock(node: Any) -> None:
    if isinstance(node, DictConfig):
        OmegaConf.set_readonly(node, False)
        for key in node:
            _unlock(node[key])
