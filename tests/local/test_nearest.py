"""Exact nearest neighbours: equal to brute force, the lower row first at equal distance."""

import numpy as np
import pytest

from imgfp.local.features import transform_descriptors, transforms_for
from imgfp.local.index.nearest import NO_DISTANCE, PreparedDescriptors, nearest, nearest_pair


def brute(queries: np.ndarray, rows: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    distances = np.full((len(queries), k), NO_DISTANCE, np.int64)
    found = np.full((len(queries), k), -1, np.int64)
    for number, query in enumerate(queries.astype(np.int64)):
        squared = ((rows.astype(np.int64) - query) ** 2).sum(1)
        order = np.argsort(squared, kind="stable")[:k]
        distances[number, : len(order)], found[number, : len(order)] = squared[order], order
    return distances, found


def made(seed: int, count: int, high: int = 256) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, high, (count, 128), dtype=np.uint8)


def check(queries: np.ndarray, blocks: list[np.ndarray], k: int) -> None:
    rows = np.concatenate([*blocks, np.zeros((0, 128), np.uint8)])
    (distances,), (found,) = nearest(queries, blocks, k)
    wanted_distances, wanted = brute(queries, rows, k)
    assert distances.dtype == np.int32
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found, wanted)
    np.testing.assert_array_equal(distances, wanted_distances)


@pytest.mark.parametrize("k", [1, 2, 8])
@pytest.mark.parametrize("sizes", [[2500], [1024, 1024], [1, 63, 64, 65, 700], [1023, 0, 1025]])
def test_equals_brute_force_over_blocks(k: int, sizes: list[int]) -> None:
    check(made(0, 700), [made(number + 1, size) for number, size in enumerate(sizes)], k)


@pytest.mark.parametrize("k", [1, 3, 8])
def test_ties_go_to_the_lower_row(k: int) -> None:
    store = made(1, 900)
    store[[5, 400, 899]] = store[70]  # the same descriptor in several rows
    low = np.random.default_rng(2).integers(0, 2, (600, 128), dtype=np.uint8)
    low[:, 4:] = 0  # 16 different descriptors, hundreds of equal distances
    check(np.concatenate([store[70:71], low[:50]]), [store[:300], store[300:]], k)
    check(low[:100], [low[:90], low[90:]], k)


def test_extremes_do_not_overflow() -> None:
    black, white = np.zeros((3, 128), np.uint8), np.full((4, 128), 255, np.uint8)
    (distances,), (rows,) = nearest(black, [white], 1)
    assert distances.ravel().tolist() == [128 * 255 * 255] * 3
    assert rows.ravel().tolist() == [0] * 3
    check(np.concatenate([black, white]), [np.concatenate([white, black])], 7)


def test_fewer_rows_than_k() -> None:
    check(made(3, 5), [made(4, 3)], 8)
    (distances,), (rows,) = nearest(made(3, 5), [made(4, 3)], 8)
    assert (rows[:, 3:] == -1).all()
    assert (distances[:, 3:] == NO_DISTANCE).all()


def test_no_queries_and_no_references() -> None:
    for queries, blocks in ((made(0, 0), [made(1, 9)]), (made(0, 4), []), (made(0, 4), [made(1, 0)]), (made(0, 0), [])):
        (distances,), (rows,) = nearest(queries, blocks, 2)
        assert distances.shape == rows.shape == (len(queries), 2)
        assert (rows == -1).all()


def test_blocks_are_read_once_in_order() -> None:
    asked = []

    def blocks():
        for number in range(3):
            asked.append(number)
            yield made(number, 50)

    nearest(made(9, 1200), blocks(), 1)
    assert asked == [0, 1, 2]


def test_memory_mapped_and_strided_blocks(tmp_path) -> None:
    store = made(5, 200)
    np.save(tmp_path / "store.npy", store)
    mapped = np.load(tmp_path / "store.npy", mmap_mode="r")
    wanted = nearest(made(6, 40), [store], 2)[1]
    np.testing.assert_array_equal(nearest(made(6, 40), [mapped], 2)[1], wanted)
    np.testing.assert_array_equal(nearest(made(6, 80)[::2], [store], 2)[1][0], brute(made(6, 80)[::2], store, 2)[1])


def test_within_a_pair() -> None:
    queries, references = made(7, 1100), made(8, 1300)
    (distances,), (rows,) = nearest_pair(PreparedDescriptors(queries), PreparedDescriptors(references), 2)
    wanted_distances, wanted = brute(queries, references, 2)
    np.testing.assert_array_equal(rows, wanted)
    np.testing.assert_array_equal(distances, wanted_distances)


@pytest.mark.parametrize("transforms", [transforms_for(m, i) for m in (False, True) for i in (False, True)])
@pytest.mark.parametrize("high", [90, 256])  # as RootSIFT; and so large that float32 would round
def test_every_transform_equals_brute_force_on_moved_descriptors(transforms, high: int) -> None:
    queries, blocks = made(10, 300, high), [made(11, 700, high), made(12, 50, high)]
    distances, rows = nearest(queries, blocks, 3, transforms)
    for number, transform in enumerate(transforms):
        wanted_distances, wanted = brute(transform_descriptors(queries, transform), np.concatenate(blocks), 3)
        np.testing.assert_array_equal(rows[number], wanted)
        np.testing.assert_array_equal(distances[number], wanted_distances)


@pytest.mark.parametrize(
    "transforms", [transforms_for(False, False), transforms_for(True, False), transforms_for(True, True)]
)
@pytest.mark.parametrize("k", [1, 2, 8])
@pytest.mark.parametrize(
    ("count", "size"), [(1, 31), (255, 32), (256, 33), (257, 511), (3, 512), (513, 513), (2, 1100)]
)
def test_edges_of_tiles_and_chunks_with_ties(transforms, k: int, count: int, size: int) -> None:
    queries, references = made(20, count, 2), made(21, size, 2)
    references[size // 2 :] = references[: size - size // 2]  # every distance at least twice
    distances, rows = nearest_pair(
        PreparedDescriptors(queries, transforms), PreparedDescriptors(references, transforms), k
    )
    for number, transform in enumerate(transforms):
        wanted_distances, wanted = brute(transform_descriptors(queries, transform), references, k)
        np.testing.assert_array_equal(rows[number], wanted)
        np.testing.assert_array_equal(distances[number], wanted_distances)
