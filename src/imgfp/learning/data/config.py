"""Which pictures a network is trained on, and how many of them a step takes."""

from dataclasses import dataclass

from imgfp.errors import InputError


@dataclass(frozen=True)
class PairsConfig:
    """Where pairs of one picture's views come from. Every picture of another number is a negative."""

    photographs: str | None = None  # folder or text list to train on; None: training_images/ of data.root
    leave_out: str | None = None  # CSV whose first two columns are image ids: those photographs are not trained on
    limit: int | None = None  # train on so many photographs, chosen by the seed
    ground_truth: str | None = None  # CSV of query_id,reference_id: true pairs of data.root, 1:1 with self-made ones
    batch: int = 8  # items a step and process; an item is two views and `negatives` other pictures
    negatives: int = 16  # unedited pictures an item that are nobody's copy: pure negatives
    hard_negatives: int = 0  # of those, so many are the item's nearest by the last epoch's descriptors
    workers: int = 2  # processes that decode and edit; 0: the training process does

    def __post_init__(self) -> None:
        least = {"batch": 1, "negatives": 0, "hard_negatives": 0, "workers": 0} | (
            {} if self.limit is None else {"limit": 2}
        )
        for key, smallest in least.items():
            if getattr(self, key) < smallest:
                raise InputError(f"pairs.{key}={getattr(self, key)}: give {smallest} or more")
        if self.hard_negatives > self.negatives:
            raise InputError(
                f"pairs.hard_negatives={self.hard_negatives} is more than pairs.negatives={self.negatives}, which it is a part of: "
                "lower the one or raise the other"
            )
        for key in ("photographs", "leave_out", "ground_truth"):
            if getattr(self, key) == "":
                raise InputError(f"pairs.{key} is empty: give a path, or null for none")
