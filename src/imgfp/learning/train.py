"""Trains a descriptor network from a recipe, from scratch or from the last checkpoint."""

import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from pytorch_lightning import Callback

from imgfp.descriptors.encode import BATCH
from imgfp.encoders import Network, create_network, fit_pca_head
from imgfp.errors import InputError
from imgfp.files import write_bytes
from imgfp.learning.artifacts import LAST, Trained
from imgfp.learning.data import TrainingData
from imgfp.learning.debugging import OverfitCheck, create_profiler, tell_profile
from imgfp.learning.distributed import is_first, process_of
from imgfp.learning.losses import create_loss
from imgfp.learning.module import DescriptorTraining
from imgfp.learning.overview import Overview
from imgfp.learning.recipe import Recipe
from imgfp.learning.recorder import Recorder
from imgfp.learning.trainer import create_averaging, create_trainer, on_gpu
from imgfp.learning.training_callback import TrainingCallback
from imgfp.learning.validate import JudgedSet
from imgfp.learning.validation_check import ValidationCheck
from imgfp.progress import announce, track
from imgfp.threads import thread_count

_PCA_IMAGES = 2000


def train(
    recipe: Recipe,
    data: TrainingData,
    judged: JudgedSet | None,
    folder: Path,
    recorder: Recorder,
    about: Mapping[str, object],
) -> Trained:
    """Trains until the recipe's last epoch; resumes from `folder/last.ckpt` where there is one.

    Args:
        recipe: The settings.
        data: The training images.
        judged: The validation set; None where the recipe never validates.
        folder: For checkpoints and exports, of this run only.
        recorder: Receives figures and checkpoints.
        about: Further entries of the model cards.

    Raises:
        InputError: a GPU is required and none is available; the checkpoint cannot be read; the loss is not finite.
    """
    torch.set_num_threads(thread_count())
    on_gpu(recipe.trainer)  # refused before anything takes time
    folder.mkdir(parents=True, exist_ok=True)
    last = folder / LAST
    completed = _completed_epochs(last) if last.exists() else 0
    torch.manual_seed(recipe.seed)
    network = create_network(recipe.network)
    if network.load_report is not None:
        write_bytes(folder / "loaded.txt", network.load_report.listing().encode())
        announce(f"{network.load_report}\n  every tensor is listed in {folder / 'loaded.txt'}")
    loss = create_loss(recipe.loss, network.dim)
    averaging = create_averaging(recipe.trainer)
    callback = TrainingCallback(recipe, data, judged, folder, recorder, about, averaging)
    # the average is updated first
    callbacks: list[Callback] = [callback] if averaging is None else [averaging, callback]
    if judged is not None:
        callbacks.append(ValidationCheck(recipe, judged, folder, averaging))
    if recipe.pairs.overfit_batches:
        callbacks.append(OverfitCheck(recipe.pairs.overfit_batches))
    profiler = create_profiler(folder / "profile") if recipe.trainer.profile else None
    trainer = create_trainer(recipe.trainer, recipe.total_epochs, callbacks, profiler)
    if is_first():
        overview = Overview.of(trainer, process_of(recipe.trainer)[1], (network, loss), completed, folder)
        recorder.environment(overview.facts())
        announce(overview.lines(recipe, data, judged, recorder.link))
    if recipe.head == "pca" and not completed:
        _start_from_pca(network, data, recipe.size[0])
    if recipe.trainer.gradient_checkpointing:
        network.checkpoint_gradients()
    if recipe.trainer.compile:
        network.compile()
    steps = -(-data.batches_per_epoch // recipe.trainer.accumulate_grad_batches)
    module = DescriptorTraining(recipe, network, loss, steps)
    try:
        trainer.fit(module, data.train_dataloader(), ckpt_path=str(last) if completed else None, weights_only=True)
    except SystemExit:  # how Lightning ends on Ctrl-C
        raise KeyboardInterrupt from None
    except torch.OutOfMemoryError as error:
        raise _out_of_memory(error, trainer.current_epoch, trainer.global_step) from None
    if profiler is not None and trainer.is_global_zero:
        tell_profile(folder / "profile")
    done = Trained.read(folder, trainer.current_epoch, callback.stopped, callback.failures)
    recorder.finished(done.figures)
    return done


def _out_of_memory(error: torch.OutOfMemoryError, epoch: int, step: int) -> InputError:
    reason = str(error).split(". ")[0]
    return InputError(
        f"{reason} in epoch {epoch + 1} at step {step}: lower pairs.batch (trainer.accumulate_grad_batches makes up "
        "for it), pairs.negatives or size"
    )


def _completed_epochs(last: Path) -> int:
    """Of a checkpoint, at least 1.

    Raises:
        InputError: it cannot be read.
    """
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Detected pickle protocol")  # the error that follows says it in one line
            return int(torch.load(last, weights_only=True, mmap=True, map_location="meta")["epoch"]) + 1
    except Exception as error:  # torch reports a damaged file, or one with code in it, in a dozen ways
        raise InputError(
            f"{last}: this checkpoint cannot be read ({type(error).__name__}: {str(error).splitlines()[0][:200]}): "
            "start from scratch with resume=false (the folder is renamed, its exported checkpoints are kept)"
        ) from None


@torch.inference_mode()
def _start_from_pca(network: Network, data: TrainingData, size: int) -> None:
    """Sets the head to the PCA of the features of unedited training photographs."""
    images, _ = data.sample_photographs(_PCA_IMAGES, size)
    network.eval()
    batches = track(np.array_split(images, -(-len(images) // BATCH)), len(images), "PCA of the head", weight=BATCH)
    features = [network.features(torch.from_numpy(part).permute(0, 3, 1, 2)).numpy() for part in batches]
    fit_pca_head(network, np.concatenate(features))
    network.train()
