"""A typed setting as a node of Hydra's configuration, and checks of what a type cannot say."""

from typing import Any

from omegaconf import DictConfig, OmegaConf

from imgfp.errors import InputError


def writable_node(settings: Any) -> Any:
    """The node of a dataclass. Frozen ones become read-only nodes, which the command line could not change."""
    node = OmegaConf.structured(settings)
    _unlock(node)
    return node


def stages_of(key: str, value: Any) -> tuple[int, ...]:
    """A number per training stage, given as one number or as a list.

    Raises:
        InputError: it is something else.
    """
    values = tuple(value) if isinstance(value, list) or OmegaConf.is_list(value) else (value,)
    for item in values:
        if type(item) is not int:
            raise InputError(f"{key}={item}: must be an integer, or a list of integers, one per stage")
    return values


def _unlock(node: Any) -> None:
    if isinstance(node, DictConfig):
        OmegaConf.set_readonly(node, False)
        for key in node:
            _unlock(node[key])
