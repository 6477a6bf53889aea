"""PR-MAC of photographs of isc-mini: exact and in two stages against the original's way, recall, memory, growth.

    python benchmarks/mirror_similarity.py [PHOTOGRAPHS]     (default: 5000, described once, hours on a slow machine)

Every photograph gives ten images for the growth: itself and nine parts, cut out of its feature map. All on one thread, in processor time.
"""

import csv
import os
import sys
import time
from functools import partial
from pathlib import Path

os.environ["IMGFP_THREADS"] = os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # also as `python benchmarks/NAME.py`

import numpy as np

from benchmarks._side_by_side import ROOT, alternate, in_fresh_process, keep, need, show
from imgfp.files import atomic_path
from imgfp.images import Failure, ImageList
from imgfp.mirror.describe import RegionsConfig
from imgfp.mirror.networks import open_network
from imgfp.mirror.preprocess import network_inputs, read_source
from imgfp.mirror.regions import fractional_windows, pool_regions
from imgfp.mirror.similarity import SimilarityConfig, search, vectors_of
from imgfp.mirror.two_stage import two_stage_search
from imgfp.mirror.whitening import PACKAGED, Whitening
from imgfp.progress import track

DATA = Path(os.environ.get("IMGFP_DATA") or ROOT.parent / "shared" / "data" / "isc-mini")
FOLDER = ROOT / "outputs" / "benchmarks" / "mirror_similarity"
# height and width of the parts, their place: shares of the photograph
PARTS = [(1.0, 0.0, 0.0), *[(s, y, x) for s in (0.7, 0.5) for y in (0.0, 1.0) for x in (0.0, 1.0)], (0.7, 0.5, 0.5)]
TOP, QUERIES, ORIGINAL_QUERIES, SHARD = 20, 200, 20, 128


def photographs(count: int) -> list[Path]:
    """The references, then training photographs that are not known to duplicate anything."""
    with (DATA / "known_duplicates.csv").open(newline="") as file:
        known = {row[key] for row in csv.DictReader(file) for key in ("id_a", "id_b")}
    lists = [ImageList.from_disc(DATA, part) for part in ("reference", "training")]
    paths = [path for images in lists for path in images.paths if path.stem not in known]
    return paths[:count]


def describe(paths: list[Path]) -> np.ndarray:
    """(photographs, parts, 35, 256) float16, whitened as packaged; kept on disk."""
    config, whitening = RegionsConfig(), Whitening.load(PACKAGED)
    shards = []
    network = None
    for first in track(range(0, len(paths), SHARD), len(paths), "describing", weight=SHARD):
        path = FOLDER / f"{first:05d}.npy"
        if not path.exists():
            network = network or open_network(config.net)
            described = []
            for source in paths[first : first + SHARD]:
                rgb = read_source(source, config.size, crops=False)
                if isinstance(rgb, Failure):
                    raise RuntimeError(f"{source}: {rgb.reason}")
                maps = network.maps(next(iter(network_inputs(rgb, config.size, False, False)))[None])
                values = np.stack([_regions(maps, part, config) for part in PARTS])
                described.append(whitening.apply(vectors_of(values, SimilarityConfig())).astype(np.float16))
            with atomic_path(path) as temporary, temporary.open("wb") as file:
                np.save(file, np.stack(described))
        shards.append(np.load(path))
    return np.concatenate(shards)[: len(paths)]


def _regions(maps: np.ndarray, part: tuple[float, float, float], config: RegionsConfig) -> np.ndarray:
    share, down, right = part
    height, width = (max(2, round(share * side)) for side in maps.shape[2:])
    top, left = (
        round(at * (side - used)) for at, side, used in zip((down, right), maps.shape[2:], (height, width), strict=True)
    )
    cut = maps[:, :, top : top + height, left : left + width]
    return pool_regions(cut, fractional_windows(height, width, config.steps), config.pool)[0]


def original(queries: np.ndarray, database: np.ndarray) -> np.ndarray:
    """One query at a time: all products, the maximum over each image's regions, the mean over the query's."""
    regions, dim = database.shape[1:]
    best = []
    for query in queries:
        products = query @ database.reshape(-1, dim).T
        scores = products.reshape(regions, len(database), regions).max(axis=2).sum(axis=0) / regions
        best.append(np.argsort(-scores, kind="stable")[:TOP])
    return np.stack(best)


_WHOLE_RUN = """
import time
import numpy as np
from imgfp.mirror.similarity import SimilarityConfig, search
database = np.load(sys.argv[1])
started = time.process_time()
search(None, database, 20, SimilarityConfig())
print(json.dumps({"seconds": time.process_time() - started, "peak": peak()}))
"""


def recall(found: np.ndarray, exact: np.ndarray) -> float:
    """Share of the exact answers that were found."""
    return float(np.mean([len({*a} & {*b}) / len(b) for a, b in zip(found.tolist(), exact.tolist(), strict=True)]))


def main(count: int) -> None:
    """Prints the tables."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    parts = describe(photographs(count))
    database = parts[:, 0].astype(np.float32)
    images = len(database)
    queries = database[np.linspace(0, images - 1, QUERIES).astype(int)]
    few = queries[:: QUERIES // ORIGINAL_QUERIES]
    config = SimilarityConfig()
    exact = search(queries, database, TOP, config).indices
    staged = two_stage_search(queries, database, TOP).indices
    need(
        "exact: the original's answers", recall(exact[:: QUERIES // ORIGINAL_QUERIES], original(few, database)) > 0.999
    )

    np.save(FOLDER / "database.npy", database)
    whole = in_fresh_process(_WHOLE_RUN, str(FOLDER / "database.npy"))
    taken = alternate(
        {
            "original": partial(original, few, database),
            "exact": partial(search, queries, database, TOP, config),
            "two": partial(two_stage_search, queries, database, TOP),
        },
        rounds=3,
        clock=time.process_time,
    )
    seconds = {
        "the original's way": taken["original"] / len(few),
        "exact, other queries": taken["exact"] / QUERIES,
        "exact, the database's own images": whole["seconds"] / images,
        "two stages": taken["two"] / QUERIES,
    }
    title = f"{images:,} images x 35 regions x 256, one query, one thread"
    show(title, seconds, "the original's way", 1, "queries")
    first, other, own, two = seconds.values()
    need(f"exact {first / other:.1f}x the original's way, own images {first / own:.1f}x; asked: 3x", first > 3 * other)
    need(f"peak memory {whole['peak']:.0f} MB; asked: < 2000", whole["peak"] < 2000)
    need(f"two stages {first / two:.1f}x the original's way, {other / two:.1f}x exact; asked: 20x", first > 20 * two)
    share = recall(staged, exact)
    need(f"recall@{TOP} {share:.4f}; asked: >= 0.98", share >= 0.98)
    growth(parts, queries)


def growth(parts: np.ndarray, queries: np.ndarray) -> None:
    """Two stages in databases of 1, 3 and 10 images per photograph."""
    sizes, each = [], []
    for versions in (1, 3, len(PARTS)):
        database = parts[:, :versions].astype(np.float32).reshape(-1, *parts.shape[2:])
        exact = search(queries[::4], database, TOP, SimilarityConfig()).indices
        started = time.process_time()
        found = two_stage_search(queries, database, TOP).indices
        sizes.append(len(database))
        each.append((time.process_time() - started) / len(queries))
        share = recall(found[::4], exact)
        print(f"{sizes[-1]:>8,} images: {each[-1] * 1e3:.2f} ms per query, recall@{TOP} {share:.4f}")
        keep({"images": sizes[-1], "seconds per query": each[-1], "recall": share})
    more, slower = sizes[-1] / sizes[0], each[-1] / each[0]
    exponent = 1 + np.log(slower) / np.log(more)
    need(
        f"all images as queries: {more:.0f}x the images take {more * slower:.0f}x the time, exponent {exponent:.2f}; "
        "asked: < 2",
        exponent < 2,
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5000)
