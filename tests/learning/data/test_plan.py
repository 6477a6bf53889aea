"""Which item shows which image."""

from collections import Counter

import numpy as np

from imgfp.learning.data.image_pool import ImagePool
from imgfp.learning.data.plan import Plan


def plan(photographs: int, pairs: int, seed: int = 3) -> Plan:
    paths = tuple(f"{k}.jpg" for k in range(photographs))
    queries = tuple(f"q{k}.jpg" for k in range(pairs))
    return Plan(ImagePool(paths, ("r0.jpg", "r1.jpg") if pairs else (), queries, (photographs + 1,) * pairs), seed)


def test_an_epoch_of_photographs_shows_each_once() -> None:
    own = plan(50, 0)
    orders = [own.order(epoch) for epoch in range(3)]
    for epoch, order in enumerate(orders):
        assert sorted(own.number(epoch, int(item)) for item in order) == list(range(50))
        assert not any(own.is_true_pair(int(item)) for item in order)
    assert len({tuple(order) for order in orders}) == 3
    assert np.array_equal(plan(50, 0).order(2), orders[2])
    assert not np.array_equal(plan(50, 0, seed=4).order(2), orders[2])


def test_with_ground_truth_every_second_item_is_a_true_pair() -> None:
    own = plan(50, 8)
    order = own.order(4)
    assert sorted(order) == list(range(16))
    assert [own.is_true_pair(int(item)) for item in order] == [True, False] * 8
    assert {own.number(4, item) for item in range(8)} == {51}


def test_photographs_beside_true_pairs_all_get_their_turn() -> None:
    """8 an epoch out of 50: after 25 epochs each was shown 4 times, wherever one begins to ask."""
    own = plan(50, 8)
    shown = [[own.number(epoch, item) for item in range(8, 16)] for epoch in range(25)]
    assert set(Counter(number for epoch in shown for number in epoch).values()) == {4}
    assert [plan(50, 8).number(24, item) for item in range(8, 16)] == shown[24]


def test_few_photographs_repeat_within_an_epoch() -> None:
    own = plan(3, 8)
    counts = Counter(own.number(epoch, item) for epoch in range(3) for item in range(8, 16))
    assert counts == {0: 8, 1: 8, 2: 8}


def test_the_order_shares_no_random_stream_with_an_item() -> None:
    """numpy seeds [3, 1] and [3, 1, 0] alike: an order seeded by (seed, epoch) would repeat item 0's draws."""
    items = [np.random.default_rng([3, 1, item]).permutation(50) for item in range(5)]
    order = plan(50, 0).order(1)
    assert not any(np.array_equal(order, each) for each in items)
