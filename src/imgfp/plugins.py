"""Classes from outside the package that a configuration or a model card names: which packages may be named, and loading.

Naming a class runs its package's code, so only packages from an allow-list may be named: imgfp; installed distributions that
announce themselves by an entry point of the group `imgfp.plugins`; those that the user lists in IMGFP_PLUGINS, or on the
command line of an app (`plugins=[NAME]`, which sets that variable for the processes of a sweep). A file cannot add to it.
"""

import difflib
import importlib
import importlib.metadata
import inspect
import os
import traceback
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from imgfp.errors import InputError

GROUP = "imgfp.plugins"
VARIABLE = "IMGFP_PLUGINS"
TARGET = "_target_"


@dataclass(frozen=True)
class CustomPart:
    """A part of a recipe that is made by a class from outside: its name, and its arguments as plain values."""

    target: str
    arguments: Mapping[str, Any]

    def as_plain(self) -> dict[str, Any]:
        """As a configuration has it."""
        return {TARGET: self.target, **self.arguments}


def allow_packages(names: Iterable[str]) -> None:
    """Adds packages to the allow-list of this process and of those that it starts.

    Raises:
        InputError: not the name of a package.
    """
    listed = _listed()
    for name in names:
        if not all(part.isidentifier() for part in name.split(".")):
            raise InputError(
                f"plugins=[{name}]: not the name of a Python package: give one such as plugins=[mypackage]"
            )
        if name not in listed:
            listed.append(name)
    if listed:
        os.environ[VARIABLE] = ",".join(listed)


def announced() -> list[importlib.metadata.EntryPoint]:
    """The entry points of installed distributions; nothing of theirs is imported."""
    return list(importlib.metadata.entry_points(group=GROUP))


def load_class(target: str, where: str) -> type[Any]:
    """The class that `target` names: PACKAGE.MODULE.CLASS.

    Args:
        target: As a configuration or a model card has it.
        where: What names it, for messages.

    Raises:
        InputError: its package is not allowed or cannot be imported, or it is no subclass of torch.nn.Module.
    """
    from torch import nn

    module, _, name = target.rpartition(".")
    if not module or not all(part.isidentifier() for part in target.split(".")):
        raise InputError(f"{where}: {target!r} is not the name of a class: give PACKAGE.MODULE.CLASS")
    _require_allowed(target, where)
    package = target.split(".")[0]
    try:
        # a module, never an attribute on the way: mypackage.nets.os.system names no module
        found = getattr(importlib.import_module(module), name, None)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise InputError(f"{where}: {target}: {reason_of(error)}") from error
        fix = (
            f"install {package}, or put the folder that contains it on PYTHONPATH"
            if error.name == package
            else "check the name"
        )
        raise InputError(f"{where}: {target}: there is no module {error.name}: {fix}") from None
    except Exception as error:  # whatever the code of the package does wrong
        raise InputError(f"{where}: {target}: {reason_of(error)}") from error
    if found is None:
        classes = [key for key, item in vars(importlib.import_module(module)).items() if isinstance(item, type)]
        near = difflib.get_close_matches(name, classes, n=1)
        raise InputError(f"{where}: {module} has no class {name}" + (f": did you mean {near[0]}?" if near else ""))
    if not (isinstance(found, type) and issubclass(found, nn.Module)):
        raise InputError(f"{where}: {target} is not a subclass of torch.nn.Module: give a class that is")
    return cast(type[Any], found)


def custom_part(node: Mapping[str, Any], part: str, given_later: tuple[str, ...] = ()) -> CustomPart:
    """The class and the arguments of a configuration node; arguments that it leaves out get the class's own defaults.

    Args:
        node: Plain values; `_target_` names the class, the others are its arguments.
        part: Key of the node, for messages.
        given_later: Arguments that may be missing.

    Raises:
        InputError: as `load_class`; an argument that the class does not take, or misses.
    """
    arguments = {str(key): value for key, value in node.items() if key != TARGET}
    if nested := next((key for key in arguments if key.startswith("_") or _names_code(arguments[key])), None):
        raise InputError(f"{part}.{nested}: only {part} itself may have a {TARGET}, its arguments are plain values")
    target = str(node[TARGET])
    parameters = _parameters(load_class(target, f"{part}.{TARGET}"))
    known = {
        name: item for name, item in parameters.items() if item.kind in (item.POSITIONAL_OR_KEYWORD, item.KEYWORD_ONLY)
    }
    free = any(item.kind == item.VAR_KEYWORD for item in parameters.values())
    for name in arguments:
        if name not in known and not free:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean '{part}.{near[0]}'?" if near else f"it has {', '.join(known) or 'none'}"
            raise InputError(f"{part}.{name}: {target} has no argument '{name}': {hint}")
    for name, item in known.items():
        if name not in arguments and name not in given_later:
            if item.default is item.empty:
                raise InputError(f"{part}: {target} requires the argument '{name}': give {part}.{name}=VALUE")
            if _is_plain(item.default):
                arguments[name] = item.default
    return CustomPart(target, arguments)


def create(part: CustomPart, where: str, **more: Any) -> Any:
    """An instance of the class; `more`: arguments that are passed where the class takes them and the part has none.

    Raises:
        InputError: as `load_class`; the class raises an error.
    """
    kind = load_class(part.target, where)
    parameters = _parameters(kind)
    extra = {name: value for name, value in more.items() if name in parameters and name not in part.arguments}
    try:
        return kind(**part.arguments, **extra)
    except InputError:
        raise
    except Exception as error:  # whatever the constructor raises
        raise InputError(f"{where}: {part.target} refused its arguments: {reason_of(error)}") from error


def reason_of(error: BaseException) -> str:
    """An error of code from outside in one line: its type, its message and the line that raised it."""
    frame = (traceback.extract_tb(error.__traceback__) or [None])[-1]
    text = " ".join(str(error).split()) or "no message"
    at = "" if frame is None else f" ({frame.filename}, line {frame.lineno})"
    return f"{type(error).__name__}: {text}{at}"


def _listed() -> list[str]:
    return [name for name in os.environ.get(VARIABLE, "").split(",") if name]


def _require_allowed(target: str, where: str) -> None:
    def inside(package: str) -> bool:
        return f"{target}.".startswith(f"{package}.")

    if any(map(inside, ("imgfp", *_listed()))):
        return
    if any(inside(entry.module.split(".")[0]) for entry in announced()):
        return
    package = target.split(".")[0]
    raise InputError(
        f"{where} names {target}, and {package} is not allowed to run code: if you trust it, add plugins=[{package}] to the "
        f"command of a script, or set {VARIABLE}={package}"
    )


def _parameters(kind: type[Any]) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(kind).parameters


def _names_code(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(str(key).startswith("_") or _names_code(item) for key, item in value.items())
    return isinstance(value, list | tuple) and any(map(_names_code, value))


def _is_plain(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, bool | int | float | str)
