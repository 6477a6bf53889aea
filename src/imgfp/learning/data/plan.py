"""Which item of which epoch shows which image: a function of (seed, epoch, item) alone."""

from functools import lru_cache

import numpy as np

from imgfp.learning.data.image_pool import ImagePool

# NumPy pads seeds with zeros, so [seed, epoch] would be [seed, epoch, 0] of item 0: a fourth word separates uses.
ORDER, STREAM, CHOICE, NEGATIVES = 1, 2, 3, 4


class Plan:
    """The items of an epoch.

    Without ground truth item i shows photograph i, so an epoch shows every photograph once. With ground truth it shows
    every true pair once (items 0..p - 1) and as many photographs (items p..2p - 1), which run through all photographs
    in shuffled order, continued from epoch to epoch.
    """

    def __init__(self, image_pool: ImagePool, seed: int) -> None:
        self.seed = seed
        self._photographs, self.pairs = len(image_pool.photographs), len(image_pool.queries)
        self._query_references = image_pool.query_references

    def __len__(self) -> int:
        return 2 * self.pairs or self._photographs

    def order(self, epoch: int) -> np.ndarray:
        """(len,) int64: the items of an epoch, shuffled; true and synthetic pairs alternate."""
        rng = np.random.default_rng([self.seed, epoch, 0, ORDER])
        if not self.pairs:
            return rng.permutation(self._photographs)
        true, synthetic = rng.permutation(self.pairs), self.pairs + rng.permutation(self.pairs)
        return np.stack([true, synthetic], axis=1).ravel()

    def is_true_pair(self, item: int) -> bool:
        """Whether an item is a ground-truth pair; `item` is then its index among them."""
        return item < self.pairs

    def number(self, epoch: int, item: int) -> int:
        """The number of the image that the views of an item show."""
        if self.is_true_pair(item):
            return self._query_references[item]
        if not self.pairs:
            return item
        cycle, place = divmod(epoch * self.pairs + item - self.pairs, self._photographs)
        return int(_stream(self.seed, cycle, self._photographs)[place])


@lru_cache(maxsize=4)  # an epoch needs one or two; more where there are few photographs
def _stream(seed: int, cycle: int, photographs: int) -> np.ndarray:
    return np.random.default_rng([seed, cycle, 0, STREAM]).permutation(photographs)
