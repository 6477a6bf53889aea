"""Composes an app's configuration before Hydra does, so that a bad command line is reported in one line."""

import dataclasses
import difflib
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import hydra
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException

from imgfp.apps.allowed_code import refuse_other_code
from imgfp.errors import InputError
from imgfp.renamed_keys import renamed

_SWEEP = {"-m", "--multirun"}
_SHOWING = {"-h", "--help", "--hydra-help", "--version", "--cfg", "-c", "--resolve", "--package", "-p", "--info", "-i"}


def check_command_line(conf: str, config_name: str, arguments: Sequence[str]) -> None:
    """Composes what the command line asks for, of a sweep every job.

    Raises:
        InputError: an unknown key (the nearest known one is named), a value of wrong type, a missing file.
    """
    flags = {argument.split("=")[0] for argument in arguments if argument.startswith("-")}
    # the others read other configuration than what is checked here, or pickles
    if others := sorted(flags - _SWEEP - _SHOWING):
        raise InputError(
            f"option {others[0]} is not supported: give hydra.searchpath=[file://DIR] for configuration of your own"
        )
    overrides = [argument for argument in arguments if not argument.startswith("-")]
    if flags & _SHOWING:  # they have values of their own, such as `--cfg job`
        overrides = [text for text in overrides if "=" in text or text.startswith("~")]
    with hydra.initialize_config_dir(conf, version_base="1.3"):
        try:
            for job in sweep_jobs(overrides) if flags & _SWEEP else [overrides]:
                _check(hydra.compose(config_name, overrides=job, return_hydra_config=True))
        except InputError:
            raise
        except (HydraException, OmegaConfBaseException, ValueError) as error:
            raise InputError(one_line(error)) from None


def nearest_key(key: str, known: Iterable[str]) -> str | None:
    """Of known dotted keys the one that was probably meant: beside `key`, or of the same name elsewhere."""
    known = list(known)
    parent, _, leaf = key.rpartition(".")
    beside = {name.rpartition(".")[2]: name for name in known if name.rpartition(".")[0] == parent}
    if near := difflib.get_close_matches(leaf, beside, n=1):
        return beside[near[0]]
    elsewhere = [name for name in known if name.rpartition(".")[2] == leaf]
    return next(iter(elsewhere or difflib.get_close_matches(key, known, n=1, cutoff=0.75)), None)


def dotted(config: Any, at: str = "") -> dict[str, Any]:
    """All keys of a nested configuration as `a.b.c`, sections included, and their unresolved values."""
    if isinstance(config, DictConfig):
        config = OmegaConf.to_container(config, resolve=False)
    found = {at: config} if at else {}
    if isinstance(config, dict):
        for name, value in config.items():
            found |= dotted(value, f"{at}.{name}" if at else str(name))
    return found


def sweep_jobs(overrides: list[str]) -> Iterator[list[str]]:
    """The overrides of every job of a sweep."""
    choices = []
    for override in OverridesParser.create().parse_overrides(overrides):
        swept = override.is_sweep_override() and override.is_discrete_sweep()
        key = override.get_key_element()
        values = (
            [f"{key}={value}" for value in override.sweep_string_iterator()] if swept else [str(override.input_line)]
        )
        choices.append(values)
    return (list(job) for job in itertools.product(*choices))


def _check(config: DictConfig) -> None:
    """Refuses what the schema lets pass: keys added by +KEY=VALUE and sections removed."""
    refuse_other_code(config.hydra)
    with open_dict(config):
        del config["hydra"]
    for key in _added_keys(config):
        said = next(filter(None, map(renamed, reversed(dotted(OmegaConf.select(config, key), key)))), None)
        place = key.rpartition(".")[0]
        raise InputError(said or _unknown(key, OmegaConf.select(config, place) if place else config))
    removed = {field.name for field in dataclasses.fields(OmegaConf.get_type(config))} - set(config)  # type: ignore[arg-type]
    if missing := sorted(OmegaConf.missing_keys(config) | removed):
        raise InputError(f"'{missing[0]}' is missing: it was removed by ~{missing[0]} or an empty list")


def _added_keys(node: DictConfig, at: str = "") -> Iterator[str]:
    """Dotted keys that the type of their section does not have."""
    kind, loader = OmegaConf.get_type(node), GlobalHydra.instance().config_loader()
    known = {field.name for field in dataclasses.fields(kind)} if dataclasses.is_dataclass(kind) else set()
    known = known or set(loader.get_group_options(at) if at else ())  # of `preset` its choices; none: keys are free
    for name in map(str, node):
        key = f"{at}.{name}" if at else name
        if known and name not in known:
            yield key
        elif isinstance(child := node._get_node(name), DictConfig) and not (child._is_none() or child._is_missing()):
            yield from _added_keys(child, key)


def one_line(error: Exception) -> str:
    """What Hydra says in several lines, without its advice; the nearest name where one is unknown."""
    text = str(error)
    if missing := re.search(
        r"Could not (?:find '([^']+)'\s+Available options in '[^']+':(.*)Config search|load '([^']+)')", text, re.DOTALL
    ):
        group, _, name = (missing[1] or missing[3]).rpartition("/")
        options = (missing[2] or "").split() or GlobalHydra.instance().config_loader().get_group_options(group)
        near = difflib.get_close_matches(name, options, n=1)
        return f"{group}={name}: no such choice: " + (
            f"did you mean '{near[0]}'?" if near else f"must be one of {', '.join(options)}"
        )
    chain = (error, error.__cause__, error.__context__)
    reason = next((cause for cause in chain if isinstance(cause, OmegaConfBaseException)), None)
    text = " ".join(_without_advice(text).split())
    if isinstance(reason, ConfigKeyError | ConfigAttributeError) and reason.full_key:
        file = re.match(r"In '([^']+)'", text)
        given = re.match(r"Could not override '([^']+)'", text)  # the whole key, where its section is unknown already
        key = given[1] if given else str(reason.full_key)
        return (f"{file[1]}: " if file else "") + _unknown(key, reason.parent_node)
    if reason is not None and reason.msg and reason.msg not in str(error):
        return f"{text}: {' '.join(_without_advice(str(reason.msg)).split())}"
    return text


def _without_advice(text: str) -> str:
    return re.split(r"\n\s*(?:To append to your config|full_key:|Config search path|See https:)", text)[0]


def _unknown(key: str, section: Any) -> str:
    """Says that a key is unknown, and what it was probably meant to be, else which keys its section has."""
    if said := renamed(key):
        return said
    said = f"unknown config key '{key}'"
    if not isinstance(section, DictConfig):
        return said
    root = section
    while isinstance(above := root._get_parent(), DictConfig):
        root = above
    names = [name for name in dotted(root) if not f"{name}.".startswith(f"{key}.") and not key.startswith(f"{name}.")]
    if near := nearest_key(key, names):
        return f"{said} (did you mean '{near}'?)"
    place, _, name = key.rpartition(".")
    keys = ", ".join(other for other in map(str, section) if other != name)
    return f"{said} ({place} has the keys {keys})" if place else said
