"""Experiment tracking with MLflow: the only package that imports it, and only inside functions."""

from imgfp.tracking.checkpoint import log_checkpoint, mark_moved, mark_removed
from imgfp.tracking.children import child_runs, children
from imgfp.tracking.finished_children import ChildRun, log_children
from imgfp.tracking.found_runs import FINGERPRINT_TAG, FoundRun, close_abandoned, finished_run
from imgfp.tracking.params import flatten
from imgfp.tracking.parent import PARENT_TAG, Parent, adopt, find_parent, parent_run
from imgfp.tracking.run import Run, tracked_run
from imgfp.tracking.server import comparison, describe
from imgfp.tracking.store import Store, open_store

__all__ = [
    "FINGERPRINT_TAG",
    "PARENT_TAG",
    "ChildRun",
    "FoundRun",
    "Parent",
    "Run",
    "Store",
    "adopt",
    "child_runs",
    "children",
    "close_abandoned",
    "comparison",
    "describe",
    "find_parent",
    "finished_run",
    "flatten",
    "log_checkpoint",
    "log_children",
    "mark_moved",
    "mark_removed",
    "open_store",
    "parent_run",
    "tracked_run",
]
