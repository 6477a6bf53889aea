"""Compressed indexes of ten million descriptors against the exact search: bytes, speed, image-level recall, growth, memory.

python benchmarks/index.py [MILLIONS] [DESCRIPTORS]: a collection of so many million descriptors (10), and so many drawn
descriptors a query (16, in eights). Features and exact answers are made once, go on where they were stopped, and lie in
outputs/benchmarks (6 GB): about an hour on two cores, so smaller numbers give a first view.

A query's right reference counts as found when it is among the ten images with most votes, in one transform, each drawn descriptor
with its 8 nearest; a search of preset default votes with all descriptors of a query, 16 neighbours each, in four transforms, and finds
more. The exact search is timed on 2,048 descriptors, the others on 37,000: so many come together in a search, of 64 pictures.
"""

import json
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # also as `python benchmarks/NAME.py`

from benchmarks._collection import FOLDER, QUERIES, collection, queries
from benchmarks._side_by_side import in_fresh_process, keep, need
from imgfp.files import atomic_path, hash_value, write_json
from imgfp.local.features import transforms_for
from imgfp.local.index.index_config import KINDS
from imgfp.local.index.neighbours import DescriptorIndex, ExactIndex, Neighbours
from imgfp.local.joined import JoinedFeatures
from imgfp.local.vote import VoteConfig, best_images, weighted_votes
from imgfp.pipeline.stages.compress import open_compressed
from imgfp.progress import track
from imgfp.threads import thread_count

NEIGHBOURS, TOP, ROUND, TIMED, BATCH = 8, 10, 8, 2048, 37_000
KIND_NAMES = ("ivf_pq24", "ivf_pq16", "ivf_rabitq", "ivf_sq8", "fast_scan")
PROBES = (4, 8, 16, 32)
PLAIN, FOUR = transforms_for(False, False), transforms_for(True, True)

BUILD = """
import os, time
from pathlib import Path
from benchmarks._collection import FOLDER
from benchmarks.index import joined
from imgfp.pipeline.stages.compress import build_compressed
started, before = time.perf_counter(), os.times()
build_compressed(Path(sys.argv[1]), joined(int(sys.argv[3])), sys.argv[2])
used = os.times()
print(json.dumps({"peak": peak(), "seconds": time.perf_counter() - started, "cpu": used.user + used.system - before.user - before.system}))
"""


def joined(size: int) -> JoinedFeatures:
    """The collection as one, cut after the image in which `size` descriptors are full."""
    stores = collection(size)
    whole = JoinedFeatures(stores)
    keep = int(np.searchsorted(whole.offsets, size))
    return JoinedFeatures(stores, whole.ids[keep:])


def drawn(count: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """For every round up to ROUND descriptors a query, by a seeded draw: (n, 128) uint8, and the query of each (n,)."""
    store = queries()
    orders = [np.random.default_rng(row).permutation(int(n))[:count] for row, n in enumerate(np.diff(store.offsets))]
    rounds = []
    for start in range(0, count, ROUND):
        parts = [store.get(row).descriptors[order[start : start + ROUND]] for row, order in enumerate(orders)]
        rounds.append((np.concatenate(parts), np.repeat(np.arange(len(parts)), [len(part) for part in parts])))
    return rounds


def exact_answers(index: ExactIndex, rounds: Sequence[np.ndarray]) -> Neighbours:
    """The exact neighbours of all rounds, each kept in a file named by what it was computed from."""
    kept_parts = []
    for number, descriptors in enumerate(rounds):
        name = hash_value([index.fingerprint, hash_value(descriptors.tobytes().hex()), NEIGHBOURS])[:16]
        path = FOLDER.parent / "exact" / f"{name}.npz"
        if not path.is_file():
            for _ in track([0], 1000, f"exact answers, round {number + 1} of {len(rounds)}", "permille", 1000):
                found = index.search(descriptors, NEIGHBOURS, PLAIN, 1000)
            with atomic_path(path) as temporary, temporary.open("wb") as file:
                np.savez(file, distances=found.distances, owners=found.owners, rows=found.rows)
        with np.load(path, allow_pickle=False) as kept:
            kept_parts.append((kept["distances"], kept["owners"], kept["rows"]))
    return Neighbours(*(np.concatenate(arrays, axis=1) for arrays in zip(*kept_parts, strict=True)))


def recall(found: Neighbours, owner: np.ndarray, names: Sequence[str], wanted: Sequence[str]) -> float:
    """Share of the queries whose right image is among the TOP of the votes."""
    hits = 0
    for query, name in enumerate(wanted):
        rows = owner == query
        if rows.any():
            own = Neighbours(found.distances[:, rows], found.owners[:, rows], found.rows[:, rows])
            best = best_images([weighted_votes(own, 0, VoteConfig())], TOP)
            hits += name in {names[item.reference] for item in best}
    return hits / len(wanted)


def speed(index: DescriptorIndex, descriptors: np.ndarray, transforms: Any) -> float:
    """Descriptors searched in a CPU second, each in all transforms."""
    index.search(descriptors[:8], NEIGHBOURS, transforms)  # compiled, mapped
    started = time.process_time()
    index.search(descriptors, NEIGHBOURS, transforms)
    return len(descriptors) / (time.process_time() - started)


def measure(size: int, count: int) -> list[dict[str, Any]]:
    """One row for the exact search, then one for each kind and number of probes."""
    features = joined(size)
    rounds = drawn(count)
    stacked, owner = (np.concatenate(column) for column in zip(*rounds, strict=True))
    wanted = queries().ids
    exact = ExactIndex(features)
    truth = recall(exact_answers(exact, [descriptors for descriptors, _ in rounds]), owner, features.ids, wanted)
    batch = np.concatenate([descriptors for descriptors, _ in drawn(-(-BATCH // len(wanted)))])
    some = batch[np.linspace(0, len(batch) - 1, TIMED).astype(int)]
    base = {"plain": speed(exact, some, PLAIN), "four": speed(exact, some, FOUR)}
    total = int(features.offsets[-1])
    rows = [{"kind": "exact", "descriptors": total, "probes": 0, "bytes": 128.0, "recall": truth, **base}]
    for kind in KIND_NAMES:
        folder = FOLDER.parent / f"index-{total}" / kind
        kept = folder / "build.json"
        if not kept.is_file():
            shutil.rmtree(folder, ignore_errors=True)
            write_json(kept, in_fresh_process(BUILD, str(folder), kind, str(size)))
        built = json.loads(kept.read_bytes())
        merged = sum(path.stat().st_size for path in folder.glob("merged-*/*"))
        book = sum(path.stat().st_size for path in folder.glob("codebook/*.npy"))
        extra = total * (KINDS[kind].memory - KINDS[kind].disk)  # what a fast scan holds more in memory
        for probes in PROBES:
            index = open_compressed(folder, features, kind, probes)
            found = index.search(stacked, NEIGHBOURS, PLAIN)
            rows.append({
                "kind": kind, "descriptors": total, "probes": probes, "bytes": (merged + book + extra) / total,
                "recall": recall(found, owner, features.ids, wanted), "plain": speed(index, batch, PLAIN),
                "four": speed(index, batch, FOUR), "build": built,
            })  # fmt: skip
            print_rows(rows[:1] + rows[-1:], header=len(rows) == 2)
    return rows


def print_rows(rows: list[dict[str, Any]], header: bool) -> None:
    """The table of `measure`; `rows[0]` is the exact search, printed with the header."""
    exact = rows[0]
    if header:
        print(
            f"\n{exact['descriptors']:,} descriptors, {QUERIES:,} queries, descriptors a CPU second, {thread_count()} threads"
            f"\n{'':<12}{'probes':>7}{'bytes':>8}{'recall':>9}{'of exact':>10}{'one transform':>10}{'times':>8}{'four transforms':>12}{'times':>8}"
            f"{'build MB':>10}{'CPU s':>8}"
        )
    for row in rows if header else rows[1:]:
        keep(row)
        line = f"{row['kind']:<12}{row['probes'] or '':>7}{row['bytes']:>8.1f}{row['recall']:>9.3f}"
        line += f"{row['recall'] / exact['recall']:>10.1%}{row['plain']:>10,.0f}{row['plain'] / exact['plain']:>7,.0f}x"
        line += f"{row['four']:>12,.0f}{row['four'] / exact['four']:>7,.0f}x"
        if "build" in row:
            line += f"{row['build']['peak']:>10,.0f}{row['build']['cpu']:>8,.0f}"
        print(line, flush=True)


def check(small: list[dict[str, Any]], large: list[dict[str, Any]]) -> None:
    """Prints which figures that the project asks for are reached."""
    exact = large[0]
    for most, share in ((32, 0.99), (24, 0.97)):
        for transforms in ("plain", "four"):
            good = [
                row
                for row in large[1:]
                if row["bytes"] <= most
                and row["recall"] >= share * exact["recall"]
                and row[transforms] >= 100 * exact[transforms]
            ]
            what = f"<= {most} bytes at >= {share:.0%} of the exact recall and >= 100 times its speed, transforms: {transforms}"
            need(what + "".join(f"; {row['kind']} with {row['probes']} probes" for row in good), bool(good))
    peaks = {row["kind"]: row["build"]["peak"] for row in large[1:]}
    need(f"building takes less than 3 GB: {peaks}", max(peaks.values()) < 3000)
    growth = large[0]["descriptors"] / small[0]["descriptors"]
    for kind in KIND_NAMES:
        fixed = [cheapest(rows, kind) for rows in (small, large)]
        if all(fixed):
            slower = fixed[0]["plain"] / fixed[1]["plain"]  # type: ignore[index]
            probes = [row["probes"] for row in fixed]  # type: ignore[index]
            need(
                f"{kind}, {growth:.1f} times the descriptors at 97 % of the exact recall (probes {probes}): "
                f"{slower:.2f} times the time a descriptor, root {growth**0.5:.2f}",
                slower < growth**0.5,
            )


def cheapest(rows: list[dict[str, Any]], kind: str) -> dict[str, Any] | None:
    """The fewest probes with which a kind keeps 97 % of the exact recall."""
    good = [row for row in rows[1:] if row["kind"] == kind and row["recall"] >= 0.97 * rows[0]["recall"]]
    return min(good, key=lambda row: row["probes"]) if good else None


def main() -> None:
    """Prints both tables and what is reached; they are kept in outputs/benchmarks/index.json."""
    size = round(float(sys.argv[1] if len(sys.argv) > 1 else 10) * 1e6)
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 16
    small = max(size // 10, int(collection(1)[0].offsets[-1]))  # the queries' references are always there
    rows = measure(small, count), measure(size, count)
    check(*rows)


if __name__ == "__main__":
    main()
