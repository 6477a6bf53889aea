"""What a `-m` sweep varies: its keys, its jobs, the name of each, and what it shares with a rerun or an extension."""

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf

from imgfp.apps.config_check import sweep_jobs
from imgfp.files import hash_value, write_json
from imgfp.studies.sweep_rows import short_value

_FILE = "sweep.json"
# of what is written or shown, not of what is computed
_FREE = re.compile(r"(paths|tracking|hydra)\.|(resume|fail_fast|show|show_epoch)=")
_LONGEST_NAME = 200  # MLflow keeps 250 characters


@dataclass(frozen=True)
class SweepPlan:
    """A sweep before its first job.

    Attributes:
        key: The same for all sweeps of one program, experiment and data set over the same keys with the same fixed overrides,
            whatever the values.
        title: Such as "mini_efficientnet: loss.margin x optimizer.lr".
        keys: What is swept.
        jobs: This sweep's value of each key, by job.
        command: As it was given.
    """

    key: str
    title: str
    keys: tuple[str, ...]
    jobs: tuple[Mapping[str, str], ...]
    command: str

    @classmethod
    def of(cls, program: Path, config: DictConfig) -> "SweepPlan":
        """The plan of a sweep. `config`: as Hydra composed it before the first job."""
        own = config.hydra
        given = list(own.overrides.task)
        overrides = [*_of_sweeper(own, given), *given]
        swept = _swept(overrides)
        keys = tuple(swept)
        fixed = sorted(text.lstrip("+") for text in overrides if key_of(text) not in swept)
        experiment = own.runtime.choices.get("experiment") if "experiment" not in keys else None
        root = OmegaConf.select(config, "data.root", default=None)
        where = None if root is None or "data.root" in keys else str(Path(root).resolve())
        same = [program.name, sorted(keys), [text for text in fixed if not _FREE.match(text)], where]
        title = f"{experiment or own.job.name}: {' x '.join(keys)}" if keys else str(experiment or own.job.name)
        jobs = tuple(settings_of_job(keys, job) for job in sweep_jobs(overrides))
        return cls(
            hash_value(same),
            _cut(title),
            keys,
            jobs,
            shlex.join(["python", f"{program.parent.name}/{program.name}", *given, "-m"]),
        )

    def write(self, folder: Path) -> None:
        """Writes it into the sweep's output folder, for the processes of the jobs."""
        write_json(folder / _FILE, asdict(self))

    @classmethod
    def read(cls, folder: Path) -> "SweepPlan | None":
        """What `write` wrote; None where it wrote nothing."""
        if not (folder / _FILE).exists():
            return None
        found = json.loads((folder / _FILE).read_text())
        return cls(**found | {"keys": tuple(found["keys"]), "jobs": tuple(found["jobs"])})


def key_of(override: str) -> str:
    """The key of an override, without the signs that add or remove it."""
    return override.lstrip("+~").partition("=")[0]


def settings_of_job(keys: Sequence[str], overrides: Sequence[str]) -> dict[str, str]:
    """A job's values of the swept keys, without quotes."""
    values = {key_of(text): text.partition("=")[2] for text in overrides}
    return {key: re.sub(r"""^(['"])(.*)\1$""", r"\2", values[key]) for key in keys if key in values}


def settings_text(settings: Mapping[str, str]) -> str:
    """A job's name, such as "loss.margin=0.5 seed=1". A long value keeps its end, the file name of a path, and a hash of all."""
    return _cut(" ".join(f"{key}={short_value(value)}" for key, value in settings.items()))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_NAME else f"{text[: _LONGEST_NAME - 8]}...~{hash_value(text)[:4]}"


def _swept(overrides: list[str]) -> list[str]:
    """The keys with several values, in their order."""
    return [
        key_of(override.get_key_element())
        for override in OverridesParser.create().parse_overrides(overrides)
        if override.is_sweep_override() and override.is_discrete_sweep()
    ]


def _of_sweeper(own: Any, given: list[str]) -> list[str]:
    """What the configuration itself sweeps over (hydra.sweeper.params), unless the command line says otherwise."""
    params = own.get("sweeper", {}).get("params") or {}
    known = {key_of(text) for text in given}
    return [f"{key}={value}" for key, value in params.items() if key_of(str(key)) not in known]
