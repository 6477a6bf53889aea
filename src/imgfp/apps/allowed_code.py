"""Which classes a configuration may name: Hydra makes objects of them, so another name in a file could run any code."""

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


def refuse_other_code(config: DictConfig) -> None:
    """Checks Hydra's own section of the configuration: the only one that may name classes.

    Raises:
        InputError: a class that is not in ALLOWED.
    """
    for key, name in _named(OmegaConf.to_container(config, resolve=False), "hydra"):
        if name not in ALLOWED:
            raise InputError(f"{key}={name}: this class may not be named in a configuration")


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
