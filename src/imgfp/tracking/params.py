"""Flattens a nested configuration to MLflow params: dotted keys, text values."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

LONGEST_VALUE = 6000  # MLflow's limit for param values
CUT_MARK = " ... (truncated; see config.yaml)"


def flatten(config: Mapping[str, Any]) -> dict[str, str]:
    """Flattens `config` to dotted keys: `{"index": {"k": 5}}` gives `{"index.k": "5"}`.

    Values are written as in YAML and on Hydra's command line (true, null, 0.1); a list stays one value. Values over MLflow's
    length limit are truncated and marked.

    Raises:
        ValueError: two keys become the same dotted key.
    """
    flat: dict[str, str] = {}
    _flatten_into(flat, "", config)
    return flat


def _flatten_into(flat: dict[str, str], prefix: str, config: Mapping[str, Any]) -> None:
    for name, value in config.items():
        # MLflow allows only these characters in keys; Hydra's group keys may contain others, such as @
        key = prefix + re.sub(r"[^\w.\-/ :]", "_", str(name))
        if isinstance(value, Mapping) and value:
            _flatten_into(flat, f"{key}.", value)
            continue
        if key in flat:
            raise ValueError(f"two configuration keys map to the param {key!r}: rename one")
        flat[key] = _cut(_text(value))


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, bool | int | float | Mapping | Sequence):
        return json.dumps(value, default=_plain, ensure_ascii=False)
    return str(value)  # paths, numpy scalars, enumerations


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):  # OmegaConf's containers are mappings and sequences, but not dicts and lists
        return dict(value)
    return list(value) if isinstance(value, Sequence) else str(value)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - len(CUT_MARK)] + CUT_MARK
