"""Which images a network is trained on, and how many per step."""

from dataclasses import dataclass

from imgfp.errors import InputError


@dataclass(frozen=True)
class PairsConfig:
    """Where pairs of views of one image come from. Every other image is a negative."""

    photographs: str | None = None  # folder or text list to train on; None: training_images/ of data.root
    leave_out: str | None = None  # CSV whose first two columns are image ids to leave out
    limit: int | None = None  # number of photographs, chosen by the seed; None: all
    # CSV of query_id,reference_id: true pairs of data.root, mixed 1:1 with synthetic ones
    ground_truth: str | None = None
    batch: int = 8  # items per step and process; an item is two views and `negatives` other images
    negatives: int = 16  # unedited images per item that are negatives only
    hard_negatives: int = 0  # how many of those are the item's nearest by the last epoch's descriptors
    limit_batches: int | None = None  # batches per epoch and process; None: as many as show every photograph
    # train on the first batches of the first epoch only, this many, again and again: whether a network can learn at all
    overfit_batches: int = 0
    workers: int = 2  # processes that decode and edit; 0: the training process itself

    def __post_init__(self) -> None:
        least = {"batch": 1, "negatives": 0, "hard_negatives": 0, "overfit_batches": 0, "workers": 0}
        least |= {"limit": 2, "limit_batches": 1}
        for key, smallest in least.items():
            if getattr(self, key) is not None and getattr(self, key) < smallest:
                raise InputError(f"pairs.{key}={getattr(self, key)}: must be >= {smallest}")
        if self.hard_negatives > self.negatives:
            raise InputError(
                f"pairs.hard_negatives={self.hard_negatives} exceeds pairs.negatives={self.negatives}, which includes them: "
                "lower one or raise the other"
            )
        for key in ("photographs", "leave_out", "ground_truth"):
            if getattr(self, key) == "":
                raise InputError(f"pairs.{key} is empty: give a path, or null for none")
