"""Renamed and removed settings of earlier versions: refused with what to use instead."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

RENAMED = {
    "vote.images": "vote.candidates",
    "vote.neighbours": "vote.k",
    "views.detail": "views.upscale",
    "views.stretch": "views.aspect",
    "match.slack": "match.hypothesis_tolerance",
    "index.probes": "index.nprobe",
    "topk.answers": "topk.k",
    "made": "synthetic",
    "made.references": "synthetic.references",
    "made.queries": "synthetic.queries",
    "made.seed": "synthetic.seed",
    "made.least": "synthetic.min_edits",
    "made.most": "synthetic.max_edits",
    "loss": "max_missed",  # of train/ranking.py and evaluate/ablation.py
    "pairs.untouched": "pairs.negatives",
    "pairs.hard": "pairs.hard_negatives",
    "trainer.accumulate": "trainer.accumulate_grad_batches",
    "trainer.clip": "trainer.gradient_clip_val",
    "validation.every": "validation.every_n_epochs",
    "data.size": "scenes.size",  # of train/detector.py
    "data.held_out": "scenes.held_out",
    "data.longest": "scenes.longest",
    "data.seed": "scenes.seed",
}
REMOVED = {"vote.distinctive": "leave it out, the term is always on"}
_REMOVED_VALUES = {("match.model", "homography"): "give affine or similarity"}
_PRESET = re.compile(r"preset\.[^.]+\.")


def renamed(key: str) -> str | None:
    """What to say of an unknown key that an earlier version had: one line without its end; None for any other key.

    Args:
        key: Dotted, such as "vote.images", or as an app has it: "preset.default.vote.images".
    """
    at = _PRESET.match(key)
    prefix = at[0] if at else ""
    plain = key.removeprefix(prefix)
    if plain in RENAMED:
        return f"'{key}' was renamed: use '{prefix}{RENAMED[plain]}'"
    return f"'{key}' was removed: {REMOVED[plain]}" if plain in REMOVED else None


def old_settings(settings: Mapping[str, Any], at: str = "") -> Iterator[str]:
    """One line for each renamed or removed key or value among nested plain settings, such as those that an index stores."""
    for name, value in settings.items():
        key = f"{at}.{name}" if at else str(name)
        if isinstance(value, Mapping):
            yield from old_settings(value, key)
        elif said := renamed(key):
            yield said
        elif isinstance(value, str) and (key, value) in _REMOVED_VALUES:
            yield f"{key}={value} was removed: {_REMOVED_VALUES[key, value]}"
