"""The exported checkpoints of a training's folder."""

from dataclasses import dataclass
from pathlib import Path

from imgfp.encoders.card import card_path, read_card
from imgfp.errors import InputError
from imgfp.files import hash_file
from imgfp.learning.artifacts import BEST
from imgfp.tracking import Weights

SUFFIX = ".safetensors"


@dataclass(frozen=True)
class Checkpoint:
    """An exported network. `epoch`: as its card says; None where it does not."""

    path: Path
    sha256: str
    epoch: int | None

    @classmethod
    def read(cls, path: Path) -> "Checkpoint":
        """Reads the card and checks the weights.

        Raises:
            InputError: the card is missing or damaged, or weights and card do not match.
        """
        card = read_card(path)
        if (found := hash_file(path)) != card["sha256"]:
            raise InputError(
                f"{path}: sha256 {found[:12]}... differs from {card['sha256'][:12]}... in {card_path(path).name}: "
                "copy both files of the export again"
            )
        epoch = card.get("epoch")
        return cls(path.resolve(), card["sha256"], epoch if isinstance(epoch, int) else None)

    @property
    def title(self) -> str:
        """The training's folder and the epoch, such as "mini_esvit-1a2b3c4d epoch 3"; of other files their own name."""
        if self.epoch is None:
            return self.path.stem
        own = self.path.stem == f"epoch-{self.epoch:03d}"
        return f"{self.path.parent.name if own else self.path.stem} epoch {self.epoch}"

    @property
    def weights(self) -> Weights:
        """What MLflow's models are told."""
        return Weights(self.path, card_path(self.path), self.sha256, self.title)


def checkpoint_of(path: Path) -> Checkpoint | None:
    """The export at `path`; None for other weights, which have no card beside them.

    Raises:
        InputError: as `Checkpoint.read`.
    """
    return Checkpoint.read(path) if path.suffix == SUFFIX and card_path(path).is_file() else None


def exported_checkpoints(folder: Path) -> tuple[list[Checkpoint], dict[Path, str]]:
    """All exports in a folder by epoch, and why others cannot be used.

    Links and copies are left out: `best.safetensors` is one of the epochs; so is the untrained network, epoch 0, which
    trainings of earlier versions exported.

    Raises:
        InputError: none of them can be used.
    """
    files = sorted(folder.glob(f"*{SUFFIX}"), key=lambda path: (path.stem == BEST, path.name))
    if not files:
        raise InputError(
            f"checkpoint={folder}: no exported network (epoch-NNN{SUFFIX}) in this folder: "
            "give the folder of a training that validates, such as outputs/esvit/NAME-HASH"
        )
    found: dict[str, Checkpoint] = {}
    unusable = {}
    for path in files:
        if path.is_symlink() and path.resolve().parent == folder.resolve():
            continue
        try:
            checkpoint = Checkpoint.read(path)
            if checkpoint.epoch != 0:
                found.setdefault(checkpoint.sha256, checkpoint)
        except InputError as error:
            unusable[path] = str(error)
    if not found:
        first = next(iter(unusable.values()), f"{files[0].name} is a link, or the untrained network")
        raise InputError(f"checkpoint={folder}: none of its exported networks can be used; the first: {first}")
    ordered = sorted(found.values(), key=lambda item: (item.epoch is None, item.epoch or 0, item.path.name))
    return ordered, unusable
