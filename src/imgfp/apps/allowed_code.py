"""Which classes a configuration may name: Hydra makes objects of them, so another name in a file could run any code."""

import re
from collections.abc import Iterator
from typing import Any

from omegaconf import DictConfig, OmegaConf

from imgfp.errors import InputError

ALLOWED = {
    "imgfp.apps.sweep.SweepStart",
    "hydra._internal.core_plugins.basic_launcher.BasicLauncher",
    "hydra._internal.core_plugins.basic_sweeper.BasicSweeper",
    "hydra_plugins.hydra_joblib_launcher.joblib_launcher.JoblibLauncher",
    "hydra_plugins.hydra_submitit_launcher.submitit_launcher.LocalLauncher",
    "hydra_plugins.hydra_submitit_launcher.submitit_launcher.SlurmLauncher",
    "hydra_plugins.hydra_ray_launcher.ray_launcher.RayLauncher",
    "logging.StreamHandler",
    "logging.FileHandler",
}
_KEYS = ("_target_", "class", "()")  # of hydra.utils.instantiate, and of logging.config.dictConfig
_COMMAND_LINE = ("hydra.overrides.", "hydra.job.override_dirname")  # its text
_RESOLVERS = ("now", "repo", "pid", "hydra", "oc.env")  # of texts; others, such as oc.create, can make sections


def refuse_other_code(config: DictConfig) -> None:
    """Checks Hydra's own section of the configuration: the only one that may name classes.

    Raises:
        InputError: a class that is not in ALLOWED; a value from elsewhere that could name one; an environment variable that
            a file sets, and not the command line: some of them allow code, such as PYTHONPATH.
    """
    plain = OmegaConf.to_container(config, resolve=False)
    for key, name in _named(plain, "hydra"):
        if name not in ALLOWED:
            raise InputError(f"{key}={name}: this class may not be named in a configuration")
    for key, text in _texts(plain, "hydra"):
        if key.startswith(_COMMAND_LINE):
            continue
        for name, colon in re.findall(r"\$\{([^}:]*)(:?)", text):
            if name not in _RESOLVERS if colon else not _is_value(config, name):
                raise InputError(
                    f"{key}={text}: only plain values may be taken from elsewhere here: write the value itself"
                )
    given = [text for text in config.overrides.hydra if "env_set" in text]
    for name in config.job.env_set:
        if not any(re.search(rf"\b{re.escape(str(name))}\b", text) for text in given):
            raise InputError(
                f"hydra.job.env_set.{name}: a file may not set environment variables: set it on the command line"
            )


def _is_value(config: DictConfig, name: str) -> bool:
    """Whether an absolute name is that of a text or a number, or of a part of Hydra's section, which is checked itself."""
    root = config._get_root()
    return name.startswith("hydra.") or not (
        name.startswith((".", "$")) or OmegaConf.is_config(OmegaConf.select(root, name))
    )


def _texts(value: Any, at: str) -> Iterator[tuple[str, str]]:
    """Every text and its key."""
    if isinstance(value, str):
        yield at, value
    elif isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            yield from _texts(item, f"{at}.{key}")


def _named(value: Any, at: str) -> Iterator[tuple[str, str]]:
    """Every key that names a class, and the name."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key in _KEYS and item != "???":
                yield f"{at}.{key}", str(item)
            else:
                yield from _named(item, f"{at}.{key}")
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _named(item, f"{at}.{number}")
