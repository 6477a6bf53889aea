"""Builds an item of a batch: decodes, edits, resizes. Everything random follows from (seed, epoch, item)."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from imgfp.edits import POLICIES, EditsConfig, Policy, apply_edits, create_edits, draw
from imgfp.images import Failure, PhotographPool, read_resized, read_rgb, resized
from imgfp.learning.data.batch import HARD, UNEDITED, VIEW, Item, View
from imgfp.learning.data.image_pool import ImagePool
from imgfp.learning.data.plan import NEGATIVES, Plan

# Images are edited at up to this many times the side of the network's input: few crops have to be enlarged, and for
# photographs of 1024 pixels edits take 60 % of the time that they take at 2.
WORKING = 1.5
_EDITED_QUERIES = 0.5  # share of ground-truth queries that get weak edits in addition to their own


class Key(NamedTuple):
    """Identifies an item in full. `size`: image side in pixels; `hard`: numbers of its hard negatives."""

    epoch: int
    item: int
    size: int
    hard: tuple[int, ...] = ()


class SampleBuilder:
    """Builds items. Its edits cannot be sent to another process: each process has its own."""

    def __init__(self, image_pool: ImagePool, plan: Plan, edits: EditsConfig, negatives: int) -> None:
        self._image_pool, self._plan, self._edits, self._negatives = image_pool, plan, edits, negatives
        self._pool = PhotographPool(image_pool.photographs)
        self._catalogue = create_edits(edits, self._pool)

    def item(self, key: Key) -> Item:
        """The item of a key; without any row where its own image cannot be read or edited."""
        number = self._plan.number(key.epoch, key.item)
        rng = np.random.default_rng([self._plan.seed, key.epoch, key.item])
        self._pool.edited, self._pool.smallest, self._pool.failures = number, key.size, []
        build = self._true_pair if self._plan.is_true_pair(key.item) else self._synthetic_pair
        built = build(rng, number, key)
        if any(isinstance(view, Failure) for view in built):
            return Item((), (*self._pool.failures, *_named(built)))
        # a stream of their own: the number of negatives changes no view
        rng = np.random.default_rng([self._plan.seed, key.epoch, key.item, NEGATIVES])
        for other in self._draw_negatives(rng, number, key.hard):
            kind = HARD if other in key.hard else UNEDITED
            built.append(_unedited(self._image_pool.path(other), other, kind, key.size))
        views = tuple(view for view in built if isinstance(view, View))
        return Item(views, (*self._pool.failures, *_named(built)))

    def _synthetic_pair(self, rng: np.random.Generator, number: int, key: Key) -> list[View | Failure]:
        """Two independently edited views of a photograph."""
        return self._edited(rng, self._image_pool.path(number), number, (self._edits.drawn,) * 2, key.size)

    def _true_pair(self, rng: np.random.Generator, number: int, key: Key) -> list[View | Failure]:
        """A query, unedited or weakly edited, and its unedited reference."""
        query = self._image_pool.queries[key.item]
        reference = _unedited(self._image_pool.path(number), number, VIEW, key.size)
        if rng.random() < _EDITED_QUERIES:
            return [*self._edited(rng, query, number, (POLICIES["weak"],), key.size), reference]
        return [_unedited(query, number, VIEW, key.size), reference]

    def _edited(
        self, rng: np.random.Generator, path: str, number: int, policies: Sequence[Policy], size: int
    ) -> list[View | Failure]:
        """One view of a file per policy."""
        working = round(WORKING * size)
        source = read_rgb(Path(path), smallest=working)
        if isinstance(source, Failure):
            return [source]
        views: list[View | Failure] = []
        for policy in policies:
            names = draw(policy, rng, self._catalogue)
            try:
                edited = apply_edits(source, names, self._catalogue, rng, limit=working**2).image
            except Exception as error:  # one odd image is reported as a failure and does not end a long training
                said = f"{type(error).__name__}: {' '.join(str(error).split())}"
                return [Failure(Path(path), f"cannot be edited by {'+'.join(names)} ({said})")]
            views.append(View(resized(edited, size), number, VIEW, names))
        return views

    def _draw_negatives(self, rng: np.random.Generator, number: int, hard: tuple[int, ...]) -> list[int]:
        """`negatives` numbers, the hard ones first; none twice, and not the number of the item."""
        among, taken = self._image_pool.negatives, {number, *hard}
        draws = rng.choice(len(among), min(len(among), self._negatives + 1), replace=False)
        free = [among.start + int(place) for place in draws if among.start + int(place) not in taken]
        return [*hard, *free][: self._negatives]


def _named(built: Sequence[View | Failure]) -> list[tuple[str, str]]:
    return [(str(failure.path), failure.reason) for failure in built if isinstance(failure, Failure)]


def _unedited(path: str, number: int, kind: int, size: int) -> View | Failure:
    image = read_resized(Path(path), size)
    return image if isinstance(image, Failure) else View(image, number, kind)
