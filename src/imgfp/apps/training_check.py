"""What train/esvit.py and train/tune.py refuse before anything is opened or written; cheap checks first.

Lightning, MLflow and plots are not imported here, timm only where nothing else can tell: a refusal takes about as long as
importing torch does.
"""

import contextlib
import io
import os
from functools import cache
from pathlib import Path

from omegaconf import DictConfig

from imgfp.apps.network_check import check_architecture, check_parts
from imgfp.apps.recipe_config import recipe_of, shown
from imgfp.edits import EditsConfig
from imgfp.encoders import require_photographs
from imgfp.errors import InputError
from imgfp.images import ImageList
from imgfp.learning.data import PairsConfig, open_training, queries_of
from imgfp.learning.distributed import join_processes
from imgfp.learning.trainer import on_gpu
from imgfp.records import GroundTruth


def check_settings(config: DictConfig, _: list[str]) -> None:
    """Every value, and the device."""
    recipe = recipe_of(config)
    samples, _epoch = shown(config, recipe)
    if not samples:
        on_gpu(recipe.trainer)
        if recipe.trainer.distributed and recipe.trainer.devices == 1 and "LOCAL_RANK" not in os.environ:
            join_processes(recipe.trainer)  # raises


def check_network(config: DictConfig, _: list[str]) -> None:
    """The network's name and its weights."""
    check_architecture(recipe_of(config).network)


def check_data(config: DictConfig, _: list[str]) -> None:
    """The training images and, where the network is validated, the validation set."""
    recipe = recipe_of(config)
    root, validation = Path(config.data.root), recipe.validation
    if not root.is_dir() and recipe.pairs.photographs is None:
        raise InputError(f"data.root={root}: no such folder: give a DISC-style folder (data.root=DIR, or IMGFP_DATA)")
    judged = bool(validation.every_n_epochs) and not config.show
    truth = Path(validation.ground_truth) if validation.ground_truth else root / "ground_truth.csv"
    photographs = _check_images(recipe.pairs, recipe.edits, root, recipe.seed, truth if judged else None)
    if recipe.head == "pca" and not config.show:
        require_photographs(photographs, recipe.network.dim)


def check_built(config: DictConfig, _: list[str]) -> None:
    """Parts that must be made to be checked: the network at every size, and a loss from outside."""
    if not config.show:
        recipe = recipe_of(config)
        check_parts(recipe.network, recipe.loss, recipe.size, recipe.trainer.gradient_checkpointing)


def check_search(config: DictConfig, overrides: list[str]) -> None:
    """The settings that a search would try, train/tune.py."""
    if not config.validation.every_n_epochs:
        raise InputError("validation.every_n_epochs=0: a search compares trainings by their uAP: must be >= 1")
    from imgfp.apps.search_check import check_space  # with Optuna

    check_space(config, overrides)


TRAINING_CHECKS = (check_settings, check_network, check_data, check_built)
SEARCH_CHECKS = (check_settings, check_network, check_data, check_search, check_built)


@cache
def _check_images(pairs: PairsConfig, edits: EditsConfig, root: Path, seed: int, truth: Path | None) -> int:
    """Once for all jobs of a sweep that have the same images; the number of training photographs."""
    if truth is not None and not truth.is_file():
        raise InputError(
            f"{truth}: no such file: validation needs it: give validation.ground_truth=FILE.csv, or "
            "validation.every_n_epochs=0 for none"
        )
    with contextlib.redirect_stderr(io.StringIO()):  # warnings come from the training itself
        data = open_training(pairs, edits, root, seed, lambda _: 32)
    if truth is not None:
        ImageList.from_disc(root, "reference")
        queries_of(root, GroundTruth.read_csv(truth))  # last: reading a table takes a second to import
    return len(data.image_pool.photographs)
