"""Composes an app's configuration before Hydra does, so that a typing error is told in one line."""

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

from imgfp.errors import InputError


def check_command_line(conf: str, config_name: str, arguments: Sequence[str]) -> None:
    """Composes what the command line asks for, of a sweep every job.

    Raises:
        InputError: an unknown key (the nearest known one is named), a value of another type, a missing file.
    """
    overrides = [argument for argument in arguments if argument not in ("-m", "--multirun")]
    if any(argument.startswith("-") for argument in overrides):  # --help and other flags are Hydra's own business
        return
    try:
        with hydra.initialize_config_dir(conf, version_base="1.3"):
            groups = set(_compose(config_name, [])[1])
            plain: dict[tuple[str, ...], DictConfig] = {}
            for job in sweep_jobs(overrides) if len(overrides) < len(arguments) else [overrides]:
                config, choices = _compose(config_name, job)
                chosen = tuple(f"{group}={name}" for group, name in choices.items() if group in groups)
                if chosen not in plain:
                    plain[chosen], _ = _compose(config_name, list(chosen))
                _refuse_strange_keys(config, plain[chosen])
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
    """All keys of a nested configuration as `a.b.c`, sections included, and their values as they are written."""
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


def _compose(config_name: str, overrides: list[str]) -> tuple[DictConfig, dict[str, str]]:
    """The configuration, and what is chosen of each config group; Hydra's own part left out of both."""
    config = hydra.compose(config_name, overrides=overrides, return_hydra_config=True)
    choices = config.hydra.runtime.choices.items()
    chosen = {str(group): str(name) for group, name in choices if name is not None and "hydra/" not in str(group)}
    with open_dict(config):
        del config["hydra"]
    return config, chosen


def _refuse_strange_keys(config: DictConfig, plain: DictConfig) -> None:
    """Hydra lets a file add keys that nobody reads: only those are good that the chosen groups themselves have.

    Raises:
        InputError: another key, or a section is missing.
    """
    if missing := sorted(map(str, set(plain) - set(config))):
        raise InputError(f"'{missing[0]}' is missing: it was taken out by ~{missing[0]} or an empty list")
    loader = GlobalHydra.instance().config_loader()
    known = dotted(plain)
    several = [f"{group!s}.{name}" for group in plain for name in loader.get_group_options(str(group))]  # preset=[a,b]
    anything = tuple(f"{key}." for key in [*several, *(key for key, value in known.items() if value in (None, {}))])
    for key in dotted(config):
        if key not in known and key not in several and not key.startswith(anything):
            near = nearest_key(key, known)
            raise InputError(f"'{key}' is no key here" + (f" (did you mean '{near}'?)" if near else ""))


def one_line(error: Exception) -> str:
    """What Hydra says in several lines, without its advice; the nearest name where one is unknown."""
    text = str(error)
    if missing := re.search(
        r"Could not find '([^']+)'\s+Available options in '[^']+':(.*)Config search", text, re.DOTALL
    ):
        group, _, name = missing[1].rpartition("/")
        options = missing[2].split()
        near = difflib.get_close_matches(name, options, n=1)
        return f"{group}={name}: no such choice: " + (
            f"did you mean '{near[0]}'?" if near else f"take one of {', '.join(options)}"
        )
    causes = (error, error.__cause__, error.__context__)
    reason = next((cause for cause in causes if isinstance(cause, OmegaConfBaseException)), None)
    text = " ".join(_without_advice(text).split())
    if isinstance(reason, ConfigKeyError | ConfigAttributeError):
        return f"{text.rstrip('.')}{_hint(reason)}"
    if reason is not None and reason.msg not in (None, str(error)):
        return f"{text}: {' '.join(_without_advice(str(reason.msg)).split())}"
    return text


def _without_advice(text: str) -> str:
    return re.split(r"\n\s*(?:To append to your config|full_key:|Config search path|See https:)", text)[0]


def _hint(error: OmegaConfBaseException) -> str:
    """What the unknown key was probably meant to be, else which keys there are in its place."""
    section, key = error.parent_node, str(error.full_key)
    if not isinstance(section, DictConfig):
        return ""
    root = section
    while isinstance(above := root._get_parent(), DictConfig):
        root = above
    if near := nearest_key(key, dotted(root)):
        return f" (did you mean '{near}'?)"
    place = key.rpartition(".")[0]
    return f" ({place} takes {', '.join(map(str, section))} here)" if place else ""
