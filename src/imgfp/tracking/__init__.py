"""Experiment tracking with MLflow: the only package that imports it, and only inside functions."""

from imgfp.tracking.checkpoint import log_checkpoint, mark_moved, mark_removed
from imgfp.tracking.params import flatten
from imgfp.tracking.parent import children, parent_run
from imgfp.tracking.run import Run, tracked_run
from imgfp.tracking.server import comparison, describe, ui_command
from imgfp.tracking.store import Store, open_store

__all__ = [
    "Run",
    "Store",
    "children",
    "comparison",
    "describe",
    "flatten",
    "log_checkpoint",
    "mark_moved",
    "mark_removed",
    "open_store",
    "parent_run",
    "tracked_run",
    "ui_command",
]
