"""What every Hydra app shares: presets as config groups, folders from the repository's root, errors in one line."""

import difflib
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hydra
from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from imgfp.cli.main import BAD_INPUT, OK
from imgfp.errors import InputError
from imgfp.install_check import installation_problems
from imgfp.pipeline.presets import PRESETS, Preset


def register_presets() -> None:
    """Makes the group `preset` from the one definition; the settings of preset NAME stand under `preset.NAME`."""
    for name, preset in PRESETS.items():
        node = OmegaConf.structured(preset)
        _make_writable(node)
        ConfigStore.instance().store(group="preset", name=name, node=node, package=f"preset.{name}")


def preset_of(node: DictConfig) -> Preset:
    """The typed preset of a `preset.NAME` node, type-checked by Hydra."""
    preset = OmegaConf.to_object(node)
    assert isinstance(preset, Preset), f"preset node holds {type(preset).__name__}"
    return preset


def run_app(task: Callable[[DictConfig], int], repository: Path, config_name: str) -> None:
    """Runs `task` under Hydra with the configuration in `repository/conf`; its result is the exit code.

    Bad configuration and bad input end with one line and exit 2; an unknown key is told with the nearest known one.
    """
    codes: list[int] = []
    for problem in installation_problems():
        print(f"{Path(sys.argv[0]).name}: {problem}", file=sys.stderr)
    OmegaConf.register_new_resolver("repo", lambda path: str((repository / path).resolve()), replace=True)
    register_presets()
    conf = str(repository / "conf")
    _check_overrides(conf, config_name)

    def guarded(config: DictConfig) -> None:
        try:
            codes.append(task(config))
        except InputError as error:
            print(f"{Path(sys.argv[0]).name}: {error}", file=sys.stderr)
            sys.exit(BAD_INPUT)

    hydra.main(version_base="1.3", config_path=conf, config_name=config_name)(guarded)()
    sys.exit(max(codes, default=OK))


def sweep_key() -> str | None:
    """What the jobs of one `-m` sweep have in common; None outside a sweep."""
    own = HydraConfig.get()
    return str(own.sweep.dir) if own.mode == RunMode.MULTIRUN else None


def _check_overrides(conf: str, config_name: str) -> None:
    """Composes once before Hydra does, to tell a typing error in one line; of a sweep the first of each value."""
    arguments = [argument for argument in sys.argv[1:] if argument not in ("-m", "--multirun")]
    if any(argument.startswith("-") for argument in arguments):  # --help and other flags are Hydra's own business
        return
    if len(arguments) < len(sys.argv) - 1:
        arguments = [re.sub(r"=([^\[{(,]*),.*", r"=\1", argument) for argument in arguments]
    try:
        with hydra.initialize_config_dir(conf, version_base="1.3"):
            hydra.compose(config_name, overrides=arguments)
    except (HydraException, OmegaConfBaseException) as error:
        text = " ".join(str(error).split())
        text = re.sub(r" (Config search path|To append to your config use).*", "", text)
        print(f"{Path(sys.argv[0]).name}: {text}{_nearest_key(conf, config_name, text)}", file=sys.stderr)
        sys.exit(BAD_INPUT)


def _nearest_key(conf: str, config_name: str, message: str) -> str:
    found = re.search(r"Could not override '([^']+)'", message)
    if not found:
        return ""
    with hydra.initialize_config_dir(conf, version_base="1.3"):
        keys = _dotted(OmegaConf.to_container(hydra.compose(config_name), resolve=False))
    near = difflib.get_close_matches(found.group(1), keys, n=1, cutoff=0.5)
    return f" (did you mean '{near[0]}'?)" if near else ""


def _dotted(value: Any, at: str = "") -> list[str]:
    if not isinstance(value, dict):
        return [at]
    return [at, *(key for name, item in value.items() for key in _dotted(item, f"{at}.{name}" if at else str(name)))]


def _make_writable(node: Any) -> None:
    """Frozen dataclasses become read-only nodes, which the command line could not change."""
    if isinstance(node, DictConfig):
        OmegaConf.set_readonly(node, False)
        for key in node:
            _make_writable(node[key])
