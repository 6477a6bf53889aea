"""Stage: candidate pairs -> match scores."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import torch

from imgfp.files import hash_value
from imgfp.local.match import Side
from imgfp.local.store import FeatureSource
from imgfp.local.verify import MatchConfig, MatchedPair, compare_pair
from imgfp.pipeline.stage import Shard, Stage, StageResult, run_stage
from imgfp.threads import libraries_single_threaded, thread_count

SHARD_PAIRS = 512


def compare_pairs(
    pairs: Sequence[tuple[str, str]], queries: FeatureSource, references: FeatureSource, config: MatchConfig
) -> list[MatchedPair | None]:
    """Compares pairs, several at a time; None for a pair of which an image has no entry in the features (a named hole).

    Each image is read and made ready once: the queries are held, a reference only while its pairs are compared.
    """
    query_rows = {image_id: row for row, image_id in enumerate(queries.ids)}
    reference_rows = {image_id: row for row, image_id in enumerate(references.ids)}
    query_sides: dict[str, Side] = {}
    of_reference: dict[str, list[int]] = {}
    for place, (query, reference) in enumerate(pairs):
        if query not in query_rows or reference not in reference_rows:
            continue
        of_reference.setdefault(reference, []).append(place)
        if query not in query_sides:
            query_sides[query] = Side(queries.get(query_rows[query]), config.forms)
    compared: list[MatchedPair | None] = [None] * len(pairs)

    def compare(reference: str) -> None:
        side = Side(references.get(reference_rows[reference]), config.forms)
        for place in of_reference[reference]:
            compared[place] = compare_pair(query_sides[pairs[place][0]], side, config)

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
    """Rates every pair. Rows: query id, reference id, score, number of supporting matches, mirrored or not, inverted or not."""
    stage = Stage(
        "match scores",
        folder,
        {"match": asdict(config)},
        {
            "pairs": hash_value([list(pair) for pair in pairs]),
            "queries": queries.identity,
            "references": references.identity,
        },
        len(pairs),
        SHARD_PAIRS,
        "pairs",
    )

    def work(number: int, rows: range) -> Shard:
        part = pairs[rows.start : rows.stop]
        matched = compare_pairs(part, queries, references, config)
        return Shard({"rows": [
            [query, reference, item.score, len(item.lines), item.form.mirrored, item.form.inverted]
            for (query, reference), item in zip(part, matched, strict=True)
            if item is not None
        ]})  # fmt: skip

    return run_stage(stage, work)
