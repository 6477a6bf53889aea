"""What every Hydra app shares: presets as config groups, one exit code."""

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import hydra
from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from imgfp.apps.config_check import Check, check_command_line
from imgfp.apps.config_node import writable_node
from imgfp.apps.job import Job
from imgfp.apps.plugin_choices import with_custom_choices
from imgfp.apps.schemas import register_schemas
from imgfp.apps.sweep import FOLDER
from imgfp.errors import BAD_INPUT, INTERRUPTED, InputError
from imgfp.install_check import installation_problems

if TYPE_CHECKING:  # with compiled code
    from imgfp.pipeline.preset import Preset


def register_presets() -> None:
    """Makes the apps' schemas, and the group `preset` from its one definition; the keys of preset NAME are `preset.NAME.*`."""
    from imgfp.pipeline.presets import PRESETS

    register_schemas()
    for name, preset in PRESETS.items():
        node = writable_node(preset)
        ConfigStore.instance().store(group="preset", name=name, node=node, package=f"preset.{name}")


def preset_of(node: DictConfig) -> "Preset":
    """The typed preset of a `preset.NAME` node, type-checked by Hydra."""
    from imgfp.pipeline.preset import Preset

    preset = OmegaConf.to_object(node)
    assert isinstance(preset, Preset), f"preset node holds {type(preset).__name__}"
    return preset


def run_app(
    task: Callable[[DictConfig], int],
    repository: Path,
    config_name: str,
    register: Callable[[], None] = register_presets,
    checks: Sequence[Check] = (),
) -> None:
    """Runs `task` under Hydra with the configuration in `repository/conf`; its result is the exit code.

    `register` makes the schemas and the config groups that come from dataclasses; `checks` refuse what cannot run, of a sweep
    every job before the first one starts (`check_command_line`).

    Bad configuration and bad input end with one line and exit 2; for an unknown key the line names the nearest known one.
    In a sweep (-m) the other jobs still run, in whatever processes, and the failed ones are listed at the end.
    """
    program = Path(sys.argv[0]).name
    # Hydra accepts them only at the end
    sys.argv[1:] = sorted(sys.argv[1:], key=lambda text: text in ("-m", "--multirun"))
    for problem in installation_problems():
        print(f"{program}: {problem}", file=sys.stderr)
    sys.argv[1:] = with_custom_choices(sys.argv[1:])
    job = Job(task, program, repository)
    conf = str(repository / "conf")
    try:
        register()
        check_command_line(conf, config_name, sys.argv[1:], checks)
    except InputError as error:
        print(f"{program}: {error}", file=sys.stderr)
        sys.exit(BAD_INPUT)
    crashed = 0
    try:
        hydra.main(version_base="1.3", config_path=conf, config_name=config_name)(job)()
    except KeyboardInterrupt:
        print(f"{program}: interrupted; rerun the same command to resume", file=sys.stderr)
        crashed = INTERRUPTED
    except SystemExit as end:  # Hydra has printed why
        crashed = int(end.code or 0)
    folder = os.environ.get(FOLDER)
    if not folder:
        sys.exit(crashed or job.code)
    from imgfp.apps.sweep_end import tell_sweep  # draws a chart: its libraries take a second to load

    sys.exit(tell_sweep(program, Path(folder), crashed))


def experiment_choice(default: str) -> str:
    """The name that `+experiment=` chose, else `default`."""
    return str(HydraConfig.get().runtime.choices.get("experiment") or default)
