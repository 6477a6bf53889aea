"""Config choices from outside: what installed packages register, and how the command line gives a class by itself."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf

from imgfp.apps.config_node import writable_node
from imgfp.errors import InputError
from imgfp.plugins import GROUP, TARGET, announced, reason_of

CUSTOM = "custom"  # the choice of a group that takes a class
CUSTOM_GROUPS = ("network", "loss")
KEY = "plugins"


def custom_node(value: Mapping[str, Any] | None = None) -> Any:
    """The node of a class and its arguments; their keys are free."""
    node = OmegaConf.create(dict(value or {TARGET: "???"}))
    OmegaConf.set_struct(node, False)
    return node


def is_custom(node: Any) -> bool:
    """Whether a node names a class; also one of which the name is missing."""
    return isinstance(node, DictConfig) and TARGET in set(map(str, node))


def plugin_nodes(shipped: Mapping[str, Mapping[str, Any]]) -> dict[tuple[str, str], Any]:
    """The nodes that installed packages register, by group and name.

    An entry point PACKAGE.MODULE:NAME of the group `imgfp.plugins` is a mapping {group: {name: value}}. A value is a dict with
    `_target_`, or one of the group's own dataclasses with other values. One without :NAME registers nothing.

    Raises:
        InputError: it cannot be imported, or is something else.
    """
    found: dict[tuple[str, str], Any] = {}
    for entry in announced():
        if not entry.attr:
            continue
        where = f"entry point {entry.name} = {entry.value} of {GROUP}"
        try:
            groups = entry.load()
        except Exception as error:  # whatever the code of the package does wrong
            raise InputError(f"{where}: {reason_of(error)}: fix or uninstall its package") from error
        if not isinstance(groups, Mapping) or not all(isinstance(item, Mapping) for item in groups.values()):
            raise InputError(f"{where} must be a dict {{group: {{name: value}}}}")
        for group, choices in groups.items():
            if group not in shipped:
                raise InputError(f"{where}: unknown config group {group!r}: must be one of {', '.join(shipped)}")
            for name, value in choices.items():
                if name in shipped[group] or name == CUSTOM or (group, name) in found:
                    raise InputError(f"{where}: {group}={name} exists already: choose another name")
                found[group, name] = _node(value, group, shipped[group], f"{where}: {group}={name}")
    return found


def with_custom_choices(arguments: list[str]) -> list[str]:
    """The command line with `GROUP={_target_: CLASS, ...}` as Hydra takes it: `GROUP=custom ++GROUP={...}`.

    With ++, because a sweep keeps only the last override of a key.
    """
    given = []
    for argument in arguments:
        group = next((name for name in CUSTOM_GROUPS if argument.lstrip("+").startswith(f"{name}=")), None)
        if group is not None and TARGET in argument and is_dict(argument):
            given += [f"{group}={CUSTOM}", f"++{argument.lstrip('+')}"]
        else:
            given.append(argument)
    return given


def is_dict(override: str) -> bool:
    """Whether an override's value, in a sweep each of its values, is a dict."""
    try:
        parsed = OverridesParser.create().parse_override(override)
        values = parsed.sweep_iterator() if parsed.is_sweep_override() else [parsed.value()]
        return all(isinstance(value, dict) for value in values)
    except HydraException:  # reported with all else that is wrong with the command line
        return False


def plugins_given(overrides: list[str]) -> list[str]:
    """The packages that the command line allows.

    Raises:
        InputError: something else than a list of names.
    """
    names: list[str] = []
    for override in overrides:
        if override.lstrip("+").startswith(f"{KEY}="):
            parsed = OverridesParser.create().parse_override(override)
            value = None if parsed.is_sweep_override() else parsed.value()
            if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
                raise InputError(f"{override}: must be a list of package names, such as {KEY}=[mypackage]")
            names += value
    return names


def _node(value: Any, group: str, shipped: Mapping[str, Any], where: str) -> Any:
    if isinstance(value, Mapping) and isinstance(value.get(TARGET), str) and group in CUSTOM_GROUPS:
        return custom_node(value)
    if dataclasses.is_dataclass(value) and type(value) in {type(choice) for choice in shipped.values()}:
        return writable_node(value)
    kinds = ", ".join(sorted({type(choice).__name__ for choice in shipped.values()}))
    target = f"a dict with {TARGET}, or " if group in CUSTOM_GROUPS else ""
    raise InputError(f"{where}: must be {target}one of {kinds}")
