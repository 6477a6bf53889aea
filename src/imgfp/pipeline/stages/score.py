"""Stage: candidate pairs -> match scores."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import torch

from imgfp.files import hash_value
from imgfp.local.match import MatchInput
from imgfp.local.store import FeatureSource
from imgfp.local.verify import MatchConfig, MatchedPair, compare_pair
from imgfp.pipeline.stages.pair_evidence import evidence_of
from imgfp.pipeline.stages.stage import Shard, Stage, StageResult, read_shard, run_stage
from imgfp.records import Evidence
from imgfp.threads import libraries_single_threaded, thread_count

SHARD_PAIRS = 512


class Compared(NamedTuple):
    """One compared pair: the keypoints that agree, and what that says."""

    found: MatchedPair
    evidence: Evidence


def compare_pairs(
    pairs: Sequence[tuple[str, str]], queries: FeatureSource, references: FeatureSource, config: MatchConfig
) -> list[Compared | None]:
    """Compares pairs, several at a time; None for a pair of which an image has no entry in the features (a named hole).

    Each image is read and made ready once: the queries are held, a reference only while its pairs are compared.
    """
    query_rows = {image_id: row for row, image_id in enumerate(queries.ids)}
    reference_rows = {image_id: row for row, image_id in enumerate(references.ids)}
    query_sides: dict[str, MatchInput] = {}
    of_reference: dict[str, list[int]] = {}
    for place, (query, reference) in enumerate(pairs):
        if query not in query_rows or reference not in reference_rows:
            continue
        of_reference.setdefault(reference, []).append(place)
        if query not in query_sides:
            query_sides[query] = MatchInput(queries.get(query_rows[query]), config.transforms)
    compared: list[Compared | None] = [None] * len(pairs)

    def compare(reference: str) -> None:
        side = MatchInput(references.get(reference_rows[reference]), config.transforms)
        for place in of_reference[reference]:
            query = query_sides[pairs[place][0]]
            found = compare_pair(query, side, config)
            compared[place] = Compared(found, evidence_of(pairs[place], query, side, found))

    # the libraries count threads for each calling thread: without the initializer each of ours starts several
    with (
        libraries_single_threaded(),
        ThreadPoolExecutor(thread_count(), initializer=torch.set_num_threads, initargs=(1,)) as pool,
    ):
        list(pool.map(compare, of_reference))
    return compared


def score_stage(
    pairs: Sequence[tuple[str, str]],
    queries: FeatureSource,
    references: FeatureSource,
    config: MatchConfig,
    folder: Path,
) -> StageResult:
    """Rates every pair. The rows of its shards are those of `Evidence`."""
    stage = Stage(
        "match scores",
        folder,
        {"match": asdict(config)},
        {
            "pairs": hash_value([list(pair) for pair in pairs]),
            "queries": queries.fingerprint,
            "references": references.fingerprint,
        },
        len(pairs),
        SHARD_PAIRS,
        "pairs",
    )

    def work(number: int, rows: range) -> Shard:
        part = pairs[rows.start : rows.stop]
        matched = compare_pairs(part, queries, references, config)
        return Shard({"rows": [item.evidence.row() for item in matched if item is not None]})

    return run_stage(stage, work)


def read_evidence(folder: Path) -> list[Evidence]:
    """What a finished stage found of its pairs, in their order."""
    found: list[Evidence] = []
    number = 0
    while (record := read_shard(folder, number)) is not None:
        found += map(Evidence.of, record["rows"])
        number += 1
    return found
