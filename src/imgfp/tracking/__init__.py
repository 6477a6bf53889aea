"""Experiment tracking with MLflow: the only package that imports it, and only inside functions."""

from imgfp.tracking.champion import MOVES, NEVER, Contender, move_champion
from imgfp.tracking.checkpoint import log_checkpoint, mark_moved, mark_removed
from imgfp.tracking.children import child_runs
from imgfp.tracking.finished_children import ChildRun, log_children
from imgfp.tracking.found_runs import FINGERPRINT_TAG, FoundRun, close_abandoned, finished_run
from imgfp.tracking.model import Weights, log_evaluation
from imgfp.tracking.model_address import is_address, resolved_encoder, weights_of
from imgfp.tracking.params import flatten
from imgfp.tracking.parent import PARENT_TAG, Parent, adopt, find_parent, parent_run
from imgfp.tracking.run import Run, tracked_run
from imgfp.tracking.server import comparison, describe, models_page, registered_page
from imgfp.tracking.store import Store, open_store
from imgfp.tracking.study_runs import STUDY_TAG, study_runs

__all__ = [
    "FINGERPRINT_TAG",
    "MOVES",
    "NEVER",
    "PARENT_TAG",
    "STUDY_TAG",
    "ChildRun",
    "Contender",
    "FoundRun",
    "Parent",
    "Run",
    "Store",
    "Weights",
    "adopt",
    "child_runs",
    "close_abandoned",
    "comparison",
    "describe",
    "find_parent",
    "finished_run",
    "flatten",
    "is_address",
    "log_checkpoint",
    "log_children",
    "log_evaluation",
    "mark_moved",
    "mark_removed",
    "models_page",
    "move_champion",
    "open_store",
    "parent_run",
    "registered_page",
    "resolved_encoder",
    "study_runs",
    "tracked_run",
    "weights_of",
]
