"""index.json: what an index was built from, and its parts. Written last and atomically, with a checksum of its own."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from imgfp.encoders import EncoderConfig
from imgfp.errors import InputError
from imgfp.files import hash_file, hash_value, write_json
from imgfp.local.index.index_config import IndexConfig
from imgfp.local.sift.sift import SiftConfig
from imgfp.pipeline.preset import Extraction
from imgfp.pipeline.run_config import RunConfig

SCHEMA = 4
_KEYS = {"preset", "extraction", "index", "branches", "weights", "parts", "removed"}


def describe(run: RunConfig) -> dict[str, Any]:
    """What index.json says beside its parts.

    `index` is the default index type for local descriptors: it may change, the rest may not.
    """
    return {
        "schema": SCHEMA,
        "preset": run.name,
        "extraction": asdict(run.preset.extraction),
        "index": asdict(run.preset.index),
        "branches": list(run.indexed),
        "weights": weights_hash(run.preset.encoder),
    }


def extraction_of(description: dict[str, Any]) -> Extraction:
    """The typed settings that the features and descriptors depend on."""
    stored = description["extraction"]
    return Extraction(SiftConfig(**stored["sift"]), EncoderConfig(**stored["encoder"]))


def index_config_of(description: dict[str, Any]) -> IndexConfig:
    """The default index type for local descriptors."""
    return IndexConfig(**description["index"])


def write_description(folder: Path, description: dict[str, Any]) -> None:
    """Makes this the state of the index."""
    write_json(folder / "index.json", description | {"sha256": hash_value(description)})


def read_description(folder: Path) -> dict[str, Any]:
    """The state of the index in `folder`.

    Raises:
        InputError: not there, damaged, of another version, or of an index type that was removed.
    """
    path = folder / "index.json"
    if not path.is_file():
        raise InputError(
            f"{folder}: no finished index there (no index.json): run 'imgfp index REFERENCES --out {folder}'"
        )
    try:
        description: dict[str, Any] = json.loads(path.read_bytes())
        if description["schema"] != SCHEMA:
            raise InputError(f"schema {description['schema']}, this version reads {SCHEMA}")
        if description.pop("sha256") != hash_value(description) or not description.keys() >= _KEYS:
            raise ValueError
        extraction_of(description)
        index_config_of(description)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        fault = error if isinstance(error, InputError) else "damaged"
        raise InputError(f"{path}: {fault}: delete {folder} and build the index again") from None
    return description


def refuse_other(folder: Path, old: dict[str, Any], new: dict[str, Any]) -> None:
    """Raises InputError that names the first key in which two descriptions of an index differ."""
    before, now = _comparable(old), _comparable(new)
    for key in now:
        if before.get(key) != now[key]:
            raise InputError(
                f"{folder} is an index with {key} = {before.get(key)!r}, now it is {now[key]!r}: "
                "give another output folder, or delete this one"
            )


def _comparable(description: dict[str, Any]) -> dict[str, Any]:
    first = description["parts"][0]
    settings = {f"extraction.{name}": value for name, value in description["extraction"].items()}
    return {
        "preset": description["preset"],
        "branches": description["branches"],
        "root": first["root"],
        "images": first["images"],
        **settings,
        "weights": description["weights"],
    }


def require_weights(folder: Path, description: dict[str, Any]) -> None:
    """Raises InputError where the encoder's file of weights is not the one that the index was built with."""
    encoder = extraction_of(description).encoder
    if "global" in description["branches"] and weights_hash(encoder) != description["weights"]:
        raise InputError(
            f"{encoder.weights}: not the weights that {folder} was built with: restore those, or build the index again"
        )


def weights_hash(encoder: EncoderConfig) -> str | None:
    """sha256 of the encoder's own file of weights; None where it has none, "missing" where it is gone."""
    if encoder.weights is None:
        return None
    return hash_file(Path(encoder.weights)) if Path(encoder.weights).is_file() else "missing"
