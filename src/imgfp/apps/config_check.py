"""Composes an app's configuration before Hydra does, so that a bad command line is reported in one line."""

import dataclasses
import difflib
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import hydra
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import (
    ConfigAttributeError,
    ConfigKeyError,
    InterpolationResolutionError,
    OmegaConfBaseException,
)

from imgfp.apps.allowed_code import refuse_other_code
from imgfp.apps.override_check import check_experiments, check_overrides
from imgfp.apps.plugin_choices import CUSTOM_GROUPS, is_custom, plugins_given
from imgfp.errors import InputError
from imgfp.plugins import TARGET, allow_packages
from imgfp.renamed_keys import renamed

_SWEEP = {"-m", "--multirun"}
_SHOWING = {"-h", "--help", "--hydra-help", "--version", "--cfg", "-c", "--resolve", "--package", "-p", "--info", "-i"}


# refuses what an app could not run, from its configuration and the overrides that it was composed with
Check = Callable[[DictConfig, list[str]], None]


def check_command_line(conf: str, config_name: str, arguments: Sequence[str], checks: Sequence[Check] = ()) -> None:
    """Composes what the command line asks for, of a sweep every job, and adds the packages of `plugins=` to the allow-list.

    Args:
        conf: Folder of the configuration.
        config_name: Of the app.
        arguments: Of the command line.
        checks: Each is called for every job before the next one is called: cheap ones come first.

    Raises:
        InputError: an unknown key (the nearest known one is named), a value of wrong type, a missing file; what a check raises.
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
    sweep = bool(flags & _SWEEP)
    with hydra.initialize_config_dir(conf, version_base="1.3"):
        try:
            parsed = check_overrides(overrides, sweep, GlobalHydra.instance().config_loader().get_group_options)
            check_experiments(parsed, config_name, Path(conf))
            allowed = plugins_given(overrides)
            allow_packages(allowed)
            jobs = list(sweep_jobs(overrides)) if sweep else [overrides]
            composed = [_composed(config_name, job, allowed) for job in jobs]
        except InputError:
            raise
        except (HydraException, OmegaConfBaseException, ValueError) as error:
            raise InputError(one_line(error)) from None
        if flags & _SHOWING:
            return
        for check in checks:
            for config, job in zip(composed, jobs, strict=True):
                check(config, job)


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


def _composed(config_name: str, overrides: list[str], allowed: list[str]) -> DictConfig:
    config = hydra.compose(config_name, overrides=overrides, return_hydra_config=True)
    _check(config, allowed)
    return config


def _check(config: DictConfig, allowed: list[str]) -> None:
    """Refuses what the schema lets pass: keys added by +KEY=VALUE, sections removed, code that a file allows by itself."""
    refuse_other_code(config.hydra)
    for key in ("launcher", "sweeper"):
        if not isinstance(chosen := config.hydra.get(key), DictConfig):
            raise InputError(f"hydra.{key}={chosen}: it is a config group: give hydra/{key}={chosen}")
    if "plugins" in config and (others := [name for name in config.plugins if name not in allowed]):
        raise InputError(
            f"plugins=[{', '.join(others)}] is in a file: only the command line may allow code to run: "
            f"give plugins=[{', '.join([*allowed, *others])}] there if you trust it"
        )
    with open_dict(config):
        del config["hydra"]
    for key in _added_keys(config):
        said = next(filter(None, map(renamed, reversed(dotted(OmegaConf.select(config, key), key)))), None)
        place = key.rpartition(".")[0]
        raise InputError(said or _unknown(key, OmegaConf.select(config, place) if place else config))
    removed = {field.name for field in dataclasses.fields(OmegaConf.get_type(config))} - set(config)  # type: ignore[arg-type]
    unnamed = {f"{group}.{TARGET}" for group in CUSTOM_GROUPS}  # is told where the part is made
    if missing := sorted((OmegaConf.missing_keys(config) | removed) - unnamed):
        raise InputError(f"'{missing[0]}' is missing: it was removed by ~{missing[0]} or an empty list")


def _added_keys(node: DictConfig, at: str = "") -> Iterator[str]:
    """Dotted keys that the type of their section does not have."""
    if at in CUSTOM_GROUPS and is_custom(node):
        return  # arguments of a class from outside
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
    whole = text
    if reason is not None and reason.msg and reason.msg not in str(error):
        whole = f"{text}: {' '.join(_without_advice(str(reason.msg)).split())}"
    if plain := _plainly(whole, reason):
        return plain
    if isinstance(reason, ConfigKeyError | ConfigAttributeError) and reason.full_key:
        file = re.match(r"In '([^']+)'", text)
        given = re.match(r"Could not override '([^']+)'", text)  # the whole key, where its section is unknown already
        key = str(reason.full_key)
        if given and not key.startswith(f"{given[1]}."):  # loss={margn: 1} was given as a whole
            key = given[1]
        return (f"{file[1]}: " if file else "") + _unknown(key, reason.parent_node)
    return whole


_TYPES = {"Float": "a number", "Integer": "an integer", "Bool": "true or false"}
# what Hydra and OmegaConf say, and how it is told; the groups are inserted
_PLAIN: tuple[tuple[str, str], ...] = (
    (r"Error merging override (.+): Value '.*' of type '\w+' could not be converted to (\w+)", "{0}: must be {1}"),
    (r"Error merging override (.+): Value '.*' is not a valid bool \(type \w+\)", "{0}: must be true or false"),
    (
        r"Error merging override (.+): Invalid value assigned: \w+ is not a ListConfig.*",
        "{0}: must be a list, such as [a,b]",
    ),
    (r"Error merging override (.+): Cannot merge DictConfig with ListConfig", "{0}: must be a list, such as [a,b]"),
    (r"Error merging override (.+): Cannot assign \w+ to Dict.*", "{0}: must be keys with values, such as {{a:1}}"),
    (
        r"Error merging override ~(.+): \w+ \(DictConfig\) does not support deletion",
        "~{0}: this key cannot be removed: give {0}=VALUE",
    ),
    (r"Could not delete from config\. '(.+)' does not exist\.", "~{0}: there is no such key to remove"),
    (
        r"Multiple values for (.+)\. To override a value use 'override .*",
        "{0} has a choice already: leave out the '+' before {0}=",
    ),
    (
        r"Could not override 'experiment'\. No match in the defaults list\..*",
        "an experiment is added: write +experiment=NAME",
    ),
    (
        r"(?:In '(.+)': )?Could not override '(.+)'\. No match in the defaults list\..*",
        "{0}: this program has no config group '{1}'",
    ),
    (
        r"In '(.+)': ValidationError raised while composing config: Merge error: (\w+) is not a subclass of \w+\. value: (.*)",
        "{0}: a section has the value {2}: give keys with values",
    ),
)


def _plainly(text: str, reason: OmegaConfBaseException | None) -> str | None:
    """What the libraries say in their own terms; None where it is clear as it is."""
    if isinstance(reason, InterpolationResolutionError):
        at = f"{reason.full_key}: " if reason.full_key else ""
        said = str(reason.msg or reason)
        for form, told in (
            (r"Interpolation key '(.+)' not found", "there is no key '{0}' to take a value from"),
            (r"Recursive interpolation detected", "its value is taken from itself"),
            (r"Unsupported interpolation type (\S+)", "unknown resolver '{0}': use ${{oc.env:NAME}} or ${{KEY}}"),
            (
                r".*Environment variable '(.+)' not found.*",
                "environment variable {0} is not set: set it, or give a value",
            ),
        ):
            if found := re.match(form, said, re.DOTALL):
                return at + told.format(*found.groups())
    for form, told in _PLAIN:
        if found := re.fullmatch(form, text):
            groups = [_TYPES.get(group, group) if group else "the command line" for group in found.groups()]
            return told.format(*groups)
    return None


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
