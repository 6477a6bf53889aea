"""What a training runs on and with: the lines at its start, and the facts that its record keeps."""

import platform
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytorch_lightning as pl
import torch
from torch import nn

from imgfp.learning.artifacts import LAST
from imgfp.learning.data import TrainingData
from imgfp.learning.recipe import Recipe
from imgfp.learning.validate import JudgedSet

_PRECISIONS = {"32-true": "fp32", "bf16-mixed": "bf16"}  # as in trainer.precision


@dataclass(frozen=True)
class Overview:
    """A training that is about to make its first step in this process.

    Attributes:
        device: Kind and name, such as "cuda (NVIDIA H100)"; with several processes their number.
        precision: In effect, by the names of `trainer.precision`.
        parameters: Number of trainable ones, those of the loss included.
        epoch: Epochs that are completed: 0, or those of the checkpoint that it resumes from.
    """

    device: str
    precision: str
    threads: int
    parameters: int
    epoch: int
    folder: Path

    @classmethod
    def of(
        cls, trainer: pl.Trainer, processes: int, parts: Iterable[nn.Module], epoch: int, folder: Path
    ) -> "Overview":
        """Of a trainer that has not begun; `parts` are trained."""
        device = trainer.strategy.root_device
        name = torch.cuda.get_device_name(device) if device.type == "cuda" else processor_name()
        return cls(
            f"{device.type} ({name})" + (f", {processes} processes" if processes > 1 else ""),
            _PRECISIONS.get(str(trainer.precision), str(trainer.precision)),
            torch.get_num_threads(),
            sum(item.numel() for part in parts for item in part.parameters() if item.requires_grad),
            epoch,
            folder,
        )

    def facts(self) -> Mapping[str, str]:
        """What the record of the training keeps."""
        return {
            "device": self.device,
            "precision": self.precision,
            "threads": str(self.threads),
            "torch": torch.__version__,
            "folder": str(self.folder.resolve()),
        }

    def lines(self, recipe: Recipe, data: TrainingData, judged: JudgedSet | None, link: str) -> str:
        """For the console. `link`: how to see the record; empty where there is none."""
        threads, epochs = _counted(self.threads, "thread"), _counted(recipe.total_epochs, "epoch")
        sizes = " / ".join(str(size) for size in dict.fromkeys(recipe.size))
        last = self.folder / LAST
        rows = [
            ("resuming", f"after epoch {self.epoch} of {recipe.total_epochs} from {last}" if self.epoch else ""),
            ("device", f"{self.device}, {self.precision}, {threads}; torch {torch.__version__}"),
            ("network", f"{recipe.network.architecture}, {self.parameters:,} trainable parameters"),
            ("training", f"{_photographs(data)}, {epochs} of {_batches(recipe, data)}, {sizes} px"),
            ("validation", _validation(recipe, judged)),
            ("folder", str(self.folder)),
            ("MLflow", link),
        ]
        return "\n".join(f"{name:<10}  {text}" for name, text in rows if text)


def processor_name() -> str:
    """The model of the CPU where the system tells it, else its architecture."""
    try:
        found = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    except OSError:
        found = []
    return " ".join(found[0].split(":", 1)[1].split()) if found else platform.processor() or platform.machine()


def _photographs(data: TrainingData) -> str:
    pairs = len(data.image_pool.queries)
    return f"{len(data.image_pool.photographs):,} photographs" + (f" and {pairs:,} true pairs" if pairs else "")


def _batches(recipe: Recipe, data: TrainingData) -> str:
    negatives = f" and {_counted(recipe.pairs.negatives, 'negative')}" if recipe.pairs.negatives else ""
    return f"{_counted(data.batches_per_epoch, 'batch', 'batches')} of {recipe.pairs.batch} (2 views{negatives} each)"


def _validation(recipe: Recipe, judged: JudgedSet | None) -> str:
    if judged is None:
        return "none"
    every = recipe.validation.every_n_epochs
    return (
        f"{judged.name}: {len(judged.queries):,} queries x {len(judged.references):,} references, "
        f"{'every epoch' if every == 1 else f'every {every} epochs'}"
    )


def _counted(count: int, one: str, many: str | None = None) -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"
