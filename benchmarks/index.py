"""Compressed indexes against the exact search and against faiss's own inverted lists: recall, bytes, time per descriptor, build.

python benchmarks/index.py [MILLIONS ...]: collections of so many million descriptors, by default isc-mini's references alone (0.58).
Features, exact answers and indexes are stored in outputs/benchmarks and built once. The default takes a few minutes on two
cores, 10 million about an hour and 6 GB.

Every kind is measured beside `faiss.index_factory` with as many lists, trained on the same sample, at the same nprobe. Two recalls,
in one transform and in four: "nearest", the share of query descriptors whose nearest descriptor's image is among the images of
the 8 neighbours found; "image", the share of queries whose reference is among the 10 images with most votes of 16 drawn
descriptors. Times are processor time of one thread: ours in batches of 64 images, as searches run, and of one image; faiss's time
per descriptor does not depend on the batch.
"""

import json
import os
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # also as `python benchmarks/NAME.py`

from benchmarks._collection import FOLDER, collection, queries
from benchmarks._side_by_side import alternate, in_fresh_process, keep, need
from imgfp.faiss_loader import faiss
from imgfp.files import atomic_path, hash_value, write_json
from imgfp.local.features import Transform, transform_descriptors, transforms_for
from imgfp.local.index.codebook import SAMPLE_PER_LIST, draw_sample
from imgfp.local.index.index_config import lists_for
from imgfp.local.index.neighbours import DescriptorIndex, ExactIndex, Neighbours
from imgfp.local.joined import JoinedFeatures
from imgfp.local.vote import VoteConfig, best_images, weighted_votes
from imgfp.pipeline.stages.compress import open_compressed
from imgfp.progress import track

NEIGHBOURS, TOP, DRAWN, ROUND = 8, 10, 16, 8
# descriptors: of 64 images; of one; timed with faiss, an eighth of them with exact
BATCH, IMAGE, TIMED = 37_000, 580, 2048
FAISS = {"ivf_pq16": "PQ16np", "ivf_pq24": "PQ32x6np", "ivf_sq8": "SQ8"}  # np: no polysemous training, which takes long
NPROBES = (4, 16)
PLAIN, FOUR = transforms_for(False, False), transforms_for(True, True)

BUILD = """
import os, time
from pathlib import Path
from benchmarks.index import joined
from imgfp.pipeline.stages.compress import build_compressed
before = os.times()
build_compressed(Path(sys.argv[1]), joined(int(sys.argv[3])), sys.argv[2])
used = os.times()
print(json.dumps({"peak": peak(), "cpu": used.user + used.system - before.user - before.system}))
"""


class FaissIndex:
    """What `faiss.index_factory` gives for these features, in memory."""

    def __init__(self, factory: str, features: JoinedFeatures, lists: int) -> None:
        started = time.process_time()
        self._index = cast(Any, faiss.index_factory(128, f"IVF{lists},{factory}"))
        self._index.cp.min_points_per_centroid = SAMPLE_PER_LIST
        self._index.train(draw_sample(features, SAMPLE_PER_LIST * lists).astype(np.float32))
        for block in features.blocks():
            self._index.add(block.astype(np.float32))
        self.cpu = time.process_time() - started
        self._offsets = features.offsets
        tables = self._index.precomputed_table.size() * 4 if "PQ" in factory else 0
        self.bytes = (faiss.serialize_index(self._index).size + tables) / self._index.ntotal

    def probing(self, nprobe: int) -> "FaissIndex":
        """The same index, which now searches so many lists."""
        self._index.nprobe = nprobe
        return self

    def search(self, descriptors: np.ndarray, k: int, transforms: Sequence[Transform]) -> Neighbours:
        """As `DescriptorIndex.search`, one transform after another."""
        asked = [transform_descriptors(descriptors, transform).astype(np.float32) for transform in transforms]
        distances, rows = (np.stack(arrays) for arrays in zip(*(self._index.search(a, k) for a in asked), strict=True))
        return Neighbours(distances, np.searchsorted(self._offsets, rows, side="right") - 1, rows)


def joined(size: int) -> JoinedFeatures:
    """The collection as one, cut after the image in which `size` descriptors are full."""
    stores = collection(size)
    whole = JoinedFeatures(stores)
    return JoinedFeatures(stores, whole.ids[int(np.searchsorted(whole.offsets, size)) :])


def drawn(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Up to `count` descriptors of every query, by a seeded draw, ROUND of each after another: (n, 128) uint8, and their query (n,)."""
    store = queries()
    orders = [np.random.default_rng(row).permutation(int(n))[:count] for row, n in enumerate(np.diff(store.offsets))]
    chosen = [(row, order[at : at + ROUND]) for at in range(0, count, ROUND) for row, order in enumerate(orders)]
    owners = np.repeat([row for row, _ in chosen], [len(part) for _, part in chosen])
    return np.concatenate([store.get(row).descriptors[part] for row, part in chosen]), owners


def exact_answers(index: ExactIndex, descriptors: np.ndarray) -> Neighbours:
    """The exact neighbours in four transforms, stored in a file named by what they were computed from."""
    name = hash_value([index.fingerprint, hash_value(descriptors.tobytes().hex()), NEIGHBOURS, len(FOUR)])[:16]
    path = FOLDER.parent / "exact" / f"{name}.npz"
    if not path.is_file():
        for _ in track([0], 1000, "exact answers", "permille", 1000):
            found = index.search(descriptors, NEIGHBOURS, FOUR, 1000)
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.savez(file, distances=found.distances, owners=found.owners, rows=found.rows)
    with np.load(path, allow_pickle=False) as stored:
        return Neighbours(stored["distances"], stored["owners"], stored["rows"])


def recalls(found: Neighbours, exact: Neighbours, owner: np.ndarray, names: Sequence[str]) -> dict[str, float]:
    """Both recalls, in one transform and in all."""
    result: dict[str, float] = {}
    for key, transforms in (("one", 1), ("four", len(FOUR))):
        nearest = exact.owners[:transforms, :, :1] == found.owners[:transforms]
        hits = 0
        for query, name in enumerate(queries().ids):
            rows = owner == query
            own = Neighbours(found.distances[:, rows], found.owners[:, rows], found.rows[:, rows])
            votes = (
                [weighted_votes(own, transform, VoteConfig()) for transform in range(transforms)] if rows.any() else []
            )
            hits += name in {names[item.reference] for item in best_images(votes, TOP)}
        result |= {f"nearest_{key}": float(nearest.any(axis=2).mean()), f"image_{key}": hits / len(queries().ids)}
    return result


def microseconds(index: Any, descriptors: np.ndarray, transforms: Sequence[Transform]) -> float:
    """Processor time of one thread per descriptor, searched in all transforms: the median of three."""
    index.search(descriptors[:8], NEIGHBOURS, transforms)  # compiled, mapped
    seconds = alternate({"": lambda: index.search(descriptors, NEIGHBOURS, transforms)}, 3, time.process_time)
    return seconds[""] / len(descriptors) * 1e6


def times(index: Any, batch: np.ndarray, image: np.ndarray) -> dict[str, float]:
    """Microseconds per descriptor in one transform and in four, and in four for one image alone."""
    return {
        "us_one": microseconds(index, batch, PLAIN),
        "us_four": microseconds(index, batch, FOUR),
        "us_image": microseconds(index, image, FOUR),
    }


def batch_dependence(index: Any, descriptors: np.ndarray) -> float:
    """Share of query descriptors whose answer changes when fewer are searched together."""
    together = index.search(descriptors, NEIGHBOURS, PLAIN)
    parts = [index.search(descriptors[at : at + 5], NEIGHBOURS, PLAIN) for at in range(0, len(descriptors), 5)]
    same = np.ones(len(descriptors), bool)
    for name in ("distances", "rows"):
        alone = np.concatenate([getattr(part, name) for part in parts], axis=1)
        same &= (alone == getattr(together, name)).all(axis=(0, 2))
    return float(1 - same.mean())


def built(folder: Path, kind: str, size: int) -> dict[str, Any]:
    """Builds an index in a process of its own unless it is there: peak memory in MB and processor seconds."""
    if not (folder / "build.json").is_file():
        shutil.rmtree(folder, ignore_errors=True)
        write_json(folder / "build.json", in_fresh_process(BUILD, str(folder), kind, str(size)))
    found: dict[str, Any] = json.loads((folder / "build.json").read_bytes())
    return found


def measure(size: int) -> list[dict[str, Any]]:
    """One row for the exact search, then for each kind and nprobe ours and faiss's."""
    features = joined(size)
    total = int(features.offsets[-1])
    descriptors, owner = drawn(DRAWN)
    exact = ExactIndex(features)
    truth = exact_answers(exact, descriptors)
    batch = drawn(-(-BATCH // len(queries().ids)))[0][:BATCH]
    image, some = queries().get(0).descriptors[:IMAGE], batch[:: len(batch) // TIMED][:TIMED]
    folders = {kind: FOLDER.parent / f"index-{total}" / kind for kind in FAISS}
    builds = {kind: built(folder, kind, size) for kind, folder in folders.items()}
    os.environ["IMGFP_THREADS"] = "1"
    faiss.omp_set_num_threads(1)
    rows = [
        {
            "kind": "exact",
            "nprobe": 0,
            "bytes": 128.0,
            **recalls(truth, truth, owner, features.ids),
            **times(exact, some[::8], image[::2]),
        }
    ]
    show(rows, f"{total:,} descriptors in {lists_for(total):,} lists")
    for kind, factory in FAISS.items():
        theirs = FaissIndex(factory, features, lists_for(total))
        files = [*folders[kind].glob("merged-*/*"), *folders[kind].glob("codebook/*.npy")]
        own = {"kind": kind, "bytes": sum(path.stat().st_size for path in files) / total, **builds[kind]}
        other = {"kind": f"faiss {factory}", "bytes": theirs.bytes, "cpu": theirs.cpu}
        for nprobe in NPROBES:
            index: DescriptorIndex = open_compressed(folders[kind], features, kind, nprobe)
            for row, way, timed in ((own, index, batch), (other, theirs.probing(nprobe), some)):
                found = recalls(way.search(descriptors, NEIGHBOURS, FOUR), truth, owner, features.ids)
                alone = batch_dependence(way, descriptors[:500])
                rows.append({**row, "nprobe": nprobe, **found, **times(way, timed, image), "changed": alone})
                show(rows[-1:])
    return [{"descriptors": total, **row} for row in rows]


def show(rows: list[dict[str, Any]], title: str = "") -> None:
    """Prints rows, below a header where there is a title, and stores them."""
    if title:
        print(f"\n{title}; recall in one transform and in four; microseconds per descriptor")
        print(
            f"{'':<15}{'nprobe':>6}{'bytes':>7}{'nearest':>14}{'image':>14}{'one':>9}{'four':>9}{'one image':>11}{'changed':>9}{'build s':>9}"
        )
    for row in rows:
        keep(row)
        line = f"{row['kind']:<15}{row['nprobe'] or '':>6}{row['bytes']:>7.1f}"
        line += "".join(f"{row[f'{what}_one']:>7.3f}{row[f'{what}_four']:>7.3f}" for what in ("nearest", "image"))
        line += f"{row['us_one']:>9,.0f}{row['us_four']:>9,.0f}{row['us_image']:>11,.0f}"
        line += f"{row['changed']:>9.1%}{row['cpu']:>9,.0f}" if "changed" in row else ""
        print(line, flush=True)


def check(rows: list[dict[str, Any]]) -> None:
    """Prints which figures that the project asks for are reached."""
    exact, *others = rows
    for ours, theirs in zip(others[::2], others[1::2], strict=True):
        faster = {key: theirs[f"us_{key}"] / ours[f"us_{key}"] for key in ("one", "four", "image")}
        message = ", ".join(f"{key} {ratio:.1f}x" for key, ratio in faster.items())
        close = all(ours[key] >= theirs[key] - 0.01 for key in ours if key.startswith(("nearest", "image")))
        need(
            f"{ours['kind']}, nprobe {ours['nprobe']}: recall of {theirs['kind']} (less 0.01 at most) and faster: {message}",
            close and min(faster.values()) > 1,
        )
    for most, share in ((32, 0.99), (24, 0.97)):
        for key in ("one", "four") if exact["descriptors"] >= 5e6 else ():
            good = [
                row
                for row in others[::2]
                if row["bytes"] <= most
                and row[f"image_{key}"] >= share * exact[f"image_{key}"]
                and 100 * row[f"us_{key}"] <= exact[f"us_{key}"]
            ]
            what = (
                f"<= {most} bytes at >= {share:.0%} of the exact recall and >= 100 times its speed, transforms: {key}"
            )
            need(what + "".join(f"; {row['kind']}, nprobe {row['nprobe']}" for row in good), bool(good))
    peak = max(row["peak"] for row in others[::2])
    need(f"building takes less than 3 GB: {peak:,.0f} MB", peak < 3000)


def main() -> None:
    """Prints a table for each size and what is reached; they are stored in outputs/benchmarks/index.json."""
    for millions in sys.argv[1:] or ["0"]:
        references = int(collection(1)[0].offsets[-1])  # the queries' references are always there
        check(measure(max(references, round(float(millions) * 1e6))))


if __name__ == "__main__":
    main()
