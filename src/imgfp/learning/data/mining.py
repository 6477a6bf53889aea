"""Hard negatives: the nearest other images by the descriptors of the last epoch."""

import numpy as np
import torch

from imgfp.errors import InputError


class HardNegativeTable:
    """A descriptor of each image seen in this epoch, and the nearest others of each image in the last one.

    Attributes:
        nearest: (images, hard) int32, nearest first; -1 where unknown, as in the first epoch.
    """

    def __init__(self, images: int, negatives: range, hard: int) -> None:
        """`negatives`: numbers that may be hard negatives."""
        self._negatives = negatives
        self.nearest = np.full((images, hard), -1, np.int32)
        self._descriptors: np.ndarray | None = None
        self._seen = np.zeros(images, np.int8)  # 1: as a view, 2: unedited

    def of(self, number: int) -> tuple[int, ...]:
        """The known hard negatives of an image."""
        return tuple(int(other) for other in self.nearest[number] if other >= 0)

    def fill(self, numbers: np.ndarray, descriptors: np.ndarray, unedited: np.ndarray) -> None:
        """Stores a batch: of each image the unedited row, else the last of its views.

        Args:
            numbers: (n,) int64.
            descriptors: (n, d) float32, rows of L2 norm 1.
            unedited: (n,) bool.
        """
        if self._descriptors is None:
            self._descriptors = np.zeros((len(self.nearest), descriptors.shape[1]), np.float32)
        for rank, rows in ((1, ~unedited), (2, unedited)):
            rows = rows & (self._seen[numbers] <= rank)
            self._descriptors[numbers[rows]] = descriptors[rows]
            self._seen[numbers[rows]] = rank

    def end_epoch(self) -> None:
        """Finds the nearest seen negatives of every seen image (exact, cosine), and discards the descriptors."""
        from imgfp.faiss_loader import faiss

        self.nearest.fill(-1)
        if self._descriptors is None:
            return
        seen = np.flatnonzero(self._seen)
        others = seen[(seen >= self._negatives.start) & (seen < self._negatives.stop)]
        width = min(self.nearest.shape[1] + 1, len(others))  # one more: an image is its own nearest
        if width:
            queries, database = self._descriptors[seen], self._descriptors[others]
            _, rows = faiss.knn(queries, database, width, metric=faiss.METRIC_INNER_PRODUCT)
            found = others[rows]
            # stable: False before True moves the image itself behind the others without changing their order
            order = np.argsort(found == seen[:, None], axis=1, kind="stable")
            found = np.take_along_axis(np.where(found == seen[:, None], -1, found), order, axis=1)
            kept = found[:, : self.nearest.shape[1]]
            self.nearest[seen, : kept.shape[1]] = kept
        self._descriptors = None
        self._seen.fill(0)

    def state_dict(self) -> dict[str, torch.Tensor]:
        """What the next epoch needs."""
        return {"nearest": torch.from_numpy(self.nearest.copy())}

    def load_state_dict(self, state: dict[str, torch.Tensor]) -> None:
        """Restores it from a checkpoint.

        Raises:
            InputError: it belongs to other images.
        """
        nearest = state["nearest"].cpu().numpy()
        if nearest.shape != self.nearest.shape:
            raise InputError(
                f"the hard negatives of the checkpoint have shape {nearest.shape}, those of this training "
                f"{self.nearest.shape}: the photographs changed; start from scratch with resume=false"
            )
        self.nearest = nearest.astype(np.int32)
