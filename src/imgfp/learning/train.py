"""Trains a descriptor network from a recipe: builds everything, resumes what was begun."""

import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from imgfp.descriptors.encode import BATCH
from imgfp.encoders import Network, create_network, fit_pca_head
from imgfp.errors import InputError
from imgfp.files import write_bytes
from imgfp.learning.artifacts import LAST, Trained
from imgfp.learning.data import TrainingData
from imgfp.learning.losses import create_loss
from imgfp.learning.module import DescriptorTraining
from imgfp.learning.recipe import Recipe
from imgfp.learning.recorder import Recorder
from imgfp.learning.trainer import create_trainer, on_gpu
from imgfp.learning.training_callback import TrainingCallback
from imgfp.learning.validate import JudgedSet
from imgfp.progress import announce, track
from imgfp.threads import thread_count

_PCA_PICTURES = 2000


def train(
    recipe: Recipe,
    data: TrainingData,
    judged: JudgedSet | None,
    folder: Path,
    recorder: Recorder,
    about: Mapping[str, object],
) -> Trained:
    """Trains until the recipe's last epoch, going on from `folder/last.ckpt` where there is one.

    Args:
        recipe: How.
        data: The training pictures.
        judged: What validation judges on; None where the recipe never validates.
        folder: Of this run alone: checkpoints and exports.
        recorder: Gets figures and checkpoints.
        about: What the cards of exported checkpoints say beside recipe and figures.

    Raises:
        InputError: a GPU is asked for where there is none; the checkpoint cannot be read; the loss is no number.
    """
    torch.set_num_threads(thread_count())
    on_gpu(recipe.trainer)  # refused here, before anything takes time
    folder.mkdir(parents=True, exist_ok=True)
    last = folder / LAST
    if begun := last.exists():
        _check_readable(last)
        announce(f"going on from {last}")
    torch.manual_seed(recipe.seed)
    network = create_network(recipe.network)
    if network.load_report is not None:
        write_bytes(folder / "loaded.txt", network.load_report.listing().encode())
        announce(f"{network.load_report}\n  every tensor is listed in {folder / 'loaded.txt'}")
    if recipe.head == "pca" and not begun:
        _start_from_pca(network, data, recipe.size[0])
    loss = create_loss(recipe.loss, network.dim)
    if recipe.trainer.compile:
        network.compile()
    steps = -(-data.batches_an_epoch // recipe.trainer.accumulate_grad_batches)
    module = DescriptorTraining(recipe, network, loss, steps)
    keeper = TrainingCallback(recipe, data, judged, folder, recorder, about)
    trainer = create_trainer(recipe.trainer, recipe.total_epochs, keeper)
    try:
        trainer.fit(module, data.train_dataloader(), ckpt_path=str(last) if begun else None, weights_only=True)
    except SystemExit:  # how Lightning ends on Ctrl-C
        raise KeyboardInterrupt from None
    return Trained.read(folder, trainer.current_epoch, keeper.stopped, keeper.failures)


def _check_readable(last: Path) -> None:
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Detected pickle protocol")  # the error that follows says it in one line
            torch.load(last, weights_only=True, mmap=True, map_location="meta")
    except Exception as error:  # torch tells a damaged file and one with code in it in a dozen ways
        raise InputError(
            f"{last}: this checkpoint cannot be read ({type(error).__name__}: {str(error).splitlines()[0][:200]}): "
            "start again with resume=false (the folder is moved aside, its exported checkpoints stay whole)"
        ) from None


@torch.inference_mode()
def _start_from_pca(network: Network, data: TrainingData, size: int) -> None:
    """The head becomes the PCA of what unedited training photographs give it."""
    pictures, _ = data.sample_photographs(_PCA_PICTURES, size)
    network.eval()
    batches = track(
        np.array_split(pictures, -(-len(pictures) // BATCH)), len(pictures), "PCA of the head", weight=BATCH
    )
    features = [network.features(torch.from_numpy(part).permute(0, 3, 1, 2)).numpy() for part in batches]
    fit_pca_head(network, np.concatenate(features))
    network.train()
