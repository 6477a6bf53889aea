"""One of the processes that train on the synthetic set together: two_processes.py SET FOLDER BATCH, by torchrun or alone."""

import os
import sys
from pathlib import Path

from imgfp.edits import EditsConfig
from imgfp.encoders import NetworkConfig
from imgfp.learning.config import SgdConfig, TrainerConfig, ValidationConfig
from imgfp.learning.data import PairsConfig, open_training
from imgfp.learning.distributed import is_first, join_processes, process_of
from imgfp.learning.losses import ContrastiveConfig
from imgfp.learning.recipe import Recipe
from imgfp.learning.recorder import Unrecorded
from imgfp.learning.train import train
from imgfp.learning.validation_set import judged_set


def main() -> None:
    """Trains; the first process prints how it ended."""
    root, folder, batch = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    together = "LOCAL_RANK" in os.environ
    recipe = Recipe(
        NetworkConfig("test_vit", dim=8),  # no batch norm: the split of a batch makes no difference
        ContrastiveConfig(),
        SgdConfig(lr=0.05),
        edits=EditsConfig("weak"),
        pairs=PairsConfig(limit=8, batch=batch, negatives=1, workers=0),
        trainer=TrainerConfig(accelerator="cpu", distributed=together, precision="fp32", gradient_clip_val=0.0),
        validation=ValidationConfig(background=0),
        epochs=(1,),
        size=(160,),
    )
    if together:
        join_processes(recipe.trainer)
    rank, world = process_of(recipe.trainer)
    data = open_training(recipe.pairs, recipe.edits, root, recipe.seed, recipe.size_of_epoch, rank, world)
    judged, _ = judged_set(recipe, root, data)
    done = train(recipe, data, judged, folder, Unrecorded(), {})
    if is_first():
        print(f"{world} processes, {done.epochs} epochs, {data.batches_per_epoch} batches per epoch each")


if __name__ == "__main__":
    main()
