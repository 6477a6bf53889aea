"""Which classes a configuration may name: Hydra makes objects of them, so another name in a file could run any code."""

from collections.abc import Iterator

from omegaconf import DictConfig, ListConfig, OmegaConf

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
    """Checks Hydra's own part of the configuration: the only one that names classes.

    Raises:
        InputError: a class that is not in ALLOWED.
    """
    for key, name in _named(config):
        if name not in ALLOWED:
            raise InputError(f"{key}={name}: this class may not be named in a configuration")


def _named(node: DictConfig | ListConfig) -> Iterator[tuple[str, str]]:
    """Every key that names a class, and the name."""
    for key in node.keys() if isinstance(node, DictConfig) else range(len(node)):
        if key in _KEYS and not OmegaConf.is_missing(node, key):
            yield node._get_full_key(key), str(node[key])
        elif isinstance(child := node._get_node(key), DictConfig | ListConfig) and child._value() not in (None, "???"):
            yield from _named(child)
