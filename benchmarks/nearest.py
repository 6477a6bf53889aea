"""Exact nearest neighbours among byte descriptors: imgfp's search in integers against faiss on float32."""

import sys
from functools import partial
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # also as `python benchmarks/NAME.py`

from benchmarks._side_by_side import alternate, show
from imgfp.faiss_loader import faiss
from imgfp.local.features import transform_descriptors, transforms_for
from imgfp.local.index.nearest import nearest
from imgfp.threads import thread_count

QUERIES, ROWS, BLOCK = 10_000, 100_000, 50_000


def main() -> None:
    """Prints a table for k = 1 (votes of preset imgfp), k = 8, and k = 8 in four transforms (preset default searches 16)."""
    rng = np.random.default_rng(0)
    queries = rng.integers(0, 60, (QUERIES, 128), dtype=np.uint8)
    store = rng.integers(0, 60, (ROWS, 128), dtype=np.uint8)
    store[:QUERIES:2] = np.clip(queries[::2].astype(int) + rng.integers(-4, 5, (QUERIES // 2, 128)), 0, 255)
    blocks = [store[start : start + BLOCK] for start in range(0, ROWS, BLOCK)]
    faiss.omp_set_num_threads(thread_count())
    nearest(queries[:64], [store[:64]], 1)  # compiled once
    for k in (1, 8):
        ours = partial(nearest, queries, blocks, k)
        theirs = partial(faiss.knn, queries.astype(np.float32), store.astype(np.float32), k)
        assert np.array_equal(ours()[0][0], theirs()[0])  # integers below 2^24: float32 is exact
        seconds = alternate({"faiss.knn, float32": theirs, "imgfp": ours}, rounds=5)
        title = f"{QUERIES:,} queries, {ROWS:,} descriptors, k = {k}, {thread_count()} threads"
        show(title, seconds, "faiss.knn, float32", QUERIES * ROWS / 1e6, "M distances")
    transforms = transforms_for(mirrored=True, inverted=True)
    asked = [transform_descriptors(queries, transform).astype(np.float32) for transform in transforms]
    held = store.astype(np.float32)

    def four_times() -> list[np.ndarray]:
        return [faiss.knn(item, held, 8)[0] for item in asked]

    ours = partial(nearest, queries, blocks, 8, transforms)
    assert np.array_equal(ours()[0], np.stack(four_times()))
    seconds = alternate({"faiss.knn, float32, 4 times": four_times, "imgfp, 4 transforms at once": ours}, rounds=3)
    title = f"{QUERIES:,} queries in 4 transforms, {ROWS:,} descriptors, k = 8, {thread_count()} threads"
    show(title, seconds, "faiss.knn, float32, 4 times", 4 * QUERIES * ROWS / 1e6, "M distances")


if __name__ == "__main__":
    main()
