"""What a study says of its runs and models. Pydantic checks the shape when a file is read, so an import can rely on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from imgfp.errors import InputError

if TYPE_CHECKING:
    from pydantic import TypeAdapter

RUNS, MODELS, ARTIFACTS, WEIGHTS = "runs", "models", "artifacts", "weights"
_Record = TypeVar("_Record")


@dataclass(frozen=True)
class DatasetRecord:
    """MLflow's description of a data set."""

    name: str
    digest: str
    source_type: str
    source: str
    schema: str | None = None
    profile: str | None = None


@dataclass(frozen=True)
class DatasetInputRecord:
    """A data set of a run."""

    dataset: DatasetRecord
    tags: dict[str, str]


@dataclass(frozen=True)
class RunRecord:
    """`run.json`. Times in ms. `model_outputs`: ids and steps."""

    run_id: str
    experiment: str
    name: str | None
    status: str
    start_time: int
    end_time: int | None
    params: dict[str, str]
    tags: dict[str, str]
    datasets: list[DatasetInputRecord]
    model_inputs: list[str]
    model_outputs: list[tuple[str, int]]


# key, value, timestamp, step; of a model also the run, the data set's name and its digest
MetricRow: TypeAlias = tuple[str, float, int, int]
ModelMetricRow: TypeAlias = tuple[str, float, int, int, str | None, str | None, str | None]


@dataclass(frozen=True)
class ModelRecord:
    """`model.json`."""

    model_id: str
    experiment: str
    name: str
    source_run_id: str | None
    type: str | None
    status: str
    tags: dict[str, str]
    params: dict[str, str]
    metrics: list[ModelMetricRow]


@dataclass(frozen=True)
class ExperimentRecord:
    """An experiment in `study.json`."""

    name: str
    tags: dict[str, str]


@dataclass(frozen=True)
class VersionRecord:
    """A version of a registered model."""

    version: str
    model_id: str
    tags: dict[str, str]
    description: str | None


@dataclass(frozen=True)
class RegisteredRecord:
    """A registered model in `study.json`. `aliases`: versions by alias."""

    name: str
    tags: dict[str, str]
    description: str | None
    versions: list[VersionRecord]
    aliases: dict[str, str]


@dataclass(frozen=True)
class Tables:
    """The tables in `study.json`, besides the ids and files."""

    experiments: list[ExperimentRecord]
    registered: list[RegisteredRecord] = field(default_factory=list)


def read_tables(folder: Path, contents: dict[str, Any]) -> Tables:
    """The experiments, by name only once, and the registered models, whose versions are of models in the study.

    Raises:
        InputError: Something else is there.
    """
    import json

    tables = _checked(Tables, json.dumps(contents), folder, "study.json")
    names = [item.name for item in tables.experiments]
    if twice := sorted(name for name in set(names) if names.count(name) > 1):
        raise damaged(folder, f"study.json: experiment {twice[0]!r} is listed twice")
    for item in tables.registered:
        for version in item.versions:
            if version.model_id not in contents[MODELS]:
                raise damaged(folder, f"study.json: {item.name!r} has a version of a model that is not in the study")
    return tables


def read_run(folder: Path, name: str, tables: Tables) -> RunRecord:
    """The run with the id `name`.

    Raises:
        InputError: Not the description of this run; its experiment is not listed.
    """
    own, file = _read(RunRecord, folder, RUNS, name, "run.json")
    if own.run_id != name:
        raise damaged(folder, f"{file}: run_id is not {name}")
    return _listed(own, tables, folder, file)


def read_model(folder: Path, name: str, tables: Tables) -> ModelRecord:
    """The model with the id `name`.

    Raises:
        InputError: Not the description of this model; its experiment is not listed.
    """
    own, file = _read(ModelRecord, folder, MODELS, name, "model.json")
    if own.model_id != name:
        raise damaged(folder, f"{file}: model_id is not {name}")
    return _listed(own, tables, folder, file)


def read_metrics(folder: Path, name: str) -> Iterator[MetricRow]:
    """The values of a run's metrics, line by line.

    Raises:
        InputError: A line that is none.
    """
    file = f"{RUNS}/{name}/metrics.jsonl"
    with (folder / file).open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            row: MetricRow = _checked(MetricRow, line, folder, f"{file}, line {number}")
            yield row


def damaged(path: Path, what: str) -> InputError:
    """The error for a study that is not as it was exported."""
    return InputError(f"{path}: damaged: {what}: copy or export it again")


def _read(kind: type[_Record], folder: Path, *parts: str) -> tuple[_Record, str]:
    file = "/".join(parts)
    return _checked(kind, (folder / file).read_bytes(), folder, file), file


def _listed(own: Any, tables: Tables, folder: Path, file: str) -> Any:
    if not any(item.name == own.experiment for item in tables.experiments):
        raise damaged(folder, f"{file}: experiment {own.experiment!r} is not listed in study.json")
    return own


def _checked(kind: Any, text: str | bytes, folder: Path, file: str) -> Any:
    from pydantic import ValidationError

    try:
        return _adapter(kind).validate_json(text, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise damaged(folder, ": ".join(filter(None, [file, place, first["msg"]]))) from None


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)
