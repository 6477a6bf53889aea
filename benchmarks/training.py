"""Training images per second on the CPU: with edits by worker processes meanwhile, and with prepared batches."""

import os
import sys
import tempfile
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # also as `python benchmarks/NAME.py`

from benchmarks._side_by_side import ROOT, alternate, need, show
from benchmarks.extraction import photographs
from imgfp.edits import EditsConfig
from imgfp.encoders import NetworkConfig, create_network
from imgfp.learning.config import AdamWConfig, TrainerConfig
from imgfp.learning.data import Batch, PairsConfig, open_training
from imgfp.learning.losses import InfoNceKoleoConfig, create_loss
from imgfp.learning.optimise import create_optimizer
from imgfp.learning.trainer import precision_of
from imgfp.threads import thread_count

BATCHES, ITEMS, WORKERS = 12, 32, 2
DEFAULTS = (
    ("esvit_nano", 112, "auto"),
    ("efficientnet_lite0_imagenet", 128, "fp32"),
)  # of mini_esvit and mini_efficientnet


def folder_of_photographs(made: Path) -> Path:
    """isc-mini's training photographs, or synthetic images where they are missing."""
    data = Path(os.environ.get("IMGFP_DATA") or ROOT.parent / "shared" / "data" / "isc-mini")
    if (data / "training_images").is_dir():
        return data / "training_images"
    photographs(made)
    return made


def training(architecture: str, config: TrainerConfig) -> Callable[[Iterable[Batch]], None]:
    """A function that makes a real training's steps: forward in the recipe's precision, loss, backward, AdamW."""
    network = create_network(NetworkConfig(architecture)).train()
    loss = create_loss(InfoNceKoleoConfig(), network.dim)
    optimizer = create_optimizer([network], AdamWConfig())

    def steps(batches: Iterable[Batch]) -> None:
        for batch in batches:
            with torch.autocast("cpu", torch.bfloat16, enabled=precision_of(config) == "bf16"):
                value = loss(network(batch.pixels), batch.labels)
            optimizer.zero_grad()
            value.backward()
            optimizer.step()

    return steps


def _always(size: int, epoch: int) -> int:
    return size


def main() -> None:
    """Prints one table a network."""
    torch.set_num_threads(thread_count())
    with tempfile.TemporaryDirectory() as made:
        folder = folder_of_photographs(Path(made))
        for architecture, size, precision in DEFAULTS:
            items = min(BATCHES * ITEMS, len(list(folder.iterdir())))
            pairs = PairsConfig(str(folder), limit=items, batch=ITEMS, negatives=0, workers=WORKERS)
            data = open_training(pairs, EditsConfig(), None, 0, partial(_always, size))
            loader = data.train_dataloader()
            ready = list(loader)  # starts the workers too
            steps = training(architecture, TrainerConfig(precision=precision))
            steps(ready[:1])  # the first step sets up the optimizer
            ways: dict[str, Callable[[], Any]] = {
                "batches made beforehand": partial(steps, ready),
                "edited meanwhile": partial(steps, loader),
                "edits alone": partial(list, loader),
            }
            seconds = alternate(ways, rounds=3)
            count = sum(len(batch.pixels) for batch in ready)
            title = f"{architecture}, {size} px, {count} images, {thread_count()} threads, {WORKERS} workers"
            show(title, seconds, "batches made beforehand", count, "images")
            share = 1 - seconds["batches made beforehand"] / seconds["edited meanwhile"]
            need(f"edits cost at most 25 % of the throughput (cost: {share:.0%})", share <= 0.25)


if __name__ == "__main__":
    main()
