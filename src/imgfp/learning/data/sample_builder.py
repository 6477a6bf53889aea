"""Makes an item of a batch: decodes, edits, squashes. Everything random follows from (seed, epoch, item)."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from imgfp.edits import POLICIES, EditsConfig, Policy, apply_edits, create_edits, draw
from imgfp.images import Failure, PhotographPool, read_resized, read_rgb, resized
from imgfp.learning.data.batch import HARD, UNTOUCHED, VIEW, Item, View
from imgfp.learning.data.image_pool import ImagePool
from imgfp.learning.data.plan import NEGATIVES, Plan

# Edits work on pictures of at most so many times the network's sides: hardly a crop has to be enlarged, and edits of
# photographs of 1024 pixels take 60 % of the time that they take at 2.
WORKING = 1.5
_EDITED_QUERIES = 0.5  # share of ground-truth queries that get weak edits on top of their own


class Key(NamedTuple):
    """Names an item in full. `size`: image side in pixels; `hard`: numbers of its hard negatives."""

    epoch: int
    item: int
    size: int
    hard: tuple[int, ...] = ()


class SampleBuilder:
    """Makes items. It holds edits, which cannot travel to another process: each process has its own."""

    def __init__(self, image_pool: ImagePool, plan: Plan, edits: EditsConfig, negatives: int) -> None:
        self._image_pool, self._plan, self._edits, self._negatives = image_pool, plan, edits, negatives
        self._pool = PhotographPool(image_pool.photographs)
        self._catalogue = create_edits(edits, self._pool)

    def item(self, key: Key) -> Item:
        """The item that `key` names; without any row where its own picture cannot be read or edited."""
        number = self._plan.number(key.epoch, key.item)
        rng = np.random.default_rng([self._plan.seed, key.epoch, key.item])
        self._pool.edited, self._pool.smallest, self._pool.failures = number, key.size, []
        make = self._true_pair if self._plan.is_true_pair(key.item) else self._self_made
        made = make(rng, number, key)
        if any(isinstance(view, Failure) for view in made):
            return Item((), (*self._pool.failures, *_named(made)))
        rng = np.random.default_rng([self._plan.seed, key.epoch, key.item, NEGATIVES])  # their count changes no view
        for other in self._draw_negatives(rng, number, key.hard):
            kind = HARD if other in key.hard else UNTOUCHED
            made.append(_as_it_is(self._image_pool.path(other), other, kind, key.size))
        views = tuple(view for view in made if isinstance(view, View))
        return Item(views, (*self._pool.failures, *_named(made)))

    def _self_made(self, rng: np.random.Generator, number: int, key: Key) -> list[View | Failure]:
        """Two views of a photograph, edited independently."""
        return self._edited(rng, self._image_pool.path(number), number, (self._edits.drawn,) * 2, key.size)

    def _true_pair(self, rng: np.random.Generator, number: int, key: Key) -> list[View | Failure]:
        """A query, as it is or weakly edited, and its reference as it is."""
        query = self._image_pool.queries[key.item]
        reference = _as_it_is(self._image_pool.path(number), number, VIEW, key.size)
        if rng.random() < _EDITED_QUERIES:
            return [*self._edited(rng, query, number, (POLICIES["weak"],), key.size), reference]
        return [_as_it_is(query, number, VIEW, key.size), reference]

    def _edited(
        self, rng: np.random.Generator, path: str, number: int, policies: Sequence[Policy], size: int
    ) -> list[View | Failure]:
        """A view a policy of one file."""
        working = round(WORKING * size)
        source = read_rgb(Path(path), smallest=working)
        if isinstance(source, Failure):
            return [source]
        views: list[View | Failure] = []
        for policy in policies:
            names = draw(policy, rng, self._catalogue)
            try:
                edited = apply_edits(source, names, self._catalogue, rng, limit=working**2).image
            except Exception as error:  # an odd picture is a hole that is named, not the end of a long training
                said = f"{type(error).__name__}: {' '.join(str(error).split())}"
                return [Failure(Path(path), f"cannot be edited by {'+'.join(names)} ({said})")]
            views.append(View(resized(edited, size), number, VIEW, names))
        return views

    def _draw_negatives(self, rng: np.random.Generator, number: int, hard: tuple[int, ...]) -> list[int]:
        """`negatives` numbers, the hard ones first; none twice, none the item's own."""
        among, taken = self._image_pool.negatives, {number, *hard}
        draws = rng.choice(len(among), min(len(among), self._negatives + 1), replace=False)
        free = [among.start + int(place) for place in draws if among.start + int(place) not in taken]
        return [*hard, *free][: self._negatives]


def _named(made: Sequence[View | Failure]) -> list[tuple[str, str]]:
    return [(str(failure.path), failure.reason) for failure in made if isinstance(failure, Failure)]


def _as_it_is(path: str, number: int, kind: int, size: int) -> View | Failure:
    picture = read_resized(Path(path), size)
    return picture if isinstance(picture, Failure) else View(picture, number, kind)
