"""Stage: candidate pairs -> match scores."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import torch

from imgfp.files import hash_value
from imgfp.local.match import MatchInput
from imgfp.local.store import FeatureSource
from imgfp.local.verify import MatchConfig, MatchedPair, compare_pair
from imgfp.pipeline.stages.pair_evidence import evidence_of
from imgfp.pipeline.stages.shard import Shard
from imgfp.pipeline.stages.stage import Stage, StageResult, Work, run_stage
from imgfp.records import Evidence
from imgfp.threads import libraries_single_threaded, thread_count

SHARD_PAIRS = 512


class Compared(NamedTuple):
    """One compared pair: the keypoints that agree, and the evidence."""

    found: MatchedPair
    evidence: Evidence


def compare_pairs(
    pairs: Sequence[tuple[str, str]], queries: FeatureSource, references: FeatureSource, config: MatchConfig
) -> list[Compared | None]:
    """Compares pairs, several at a time; None for a pair of which an image has no entry in the features (a named failure).

    Each image is read and prepared once: the queries are held, a reference only while its pairs are compared.
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


@dataclass(frozen=True)
class ScoreWork(Work):
    """What comparing each pair by its keypoints finds."""

    pairs: tuple[tuple[str, str], ...]
    queries: FeatureSource
    references: FeatureSource
    config: MatchConfig

    def shard(self, number: int, rows: range) -> Shard:
        """See `Work`."""
        compared = compare_pairs(self.pairs[rows.start : rows.stop], self.queries, self.references, self.config)
        return Shard({"rows": [item.evidence.row() for item in compared if item is not None]})


def score_stage(
    pairs: Sequence[tuple[str, str]],
    queries: FeatureSource,
    references: FeatureSource,
    config: MatchConfig,
    folder: Path | None,
    name: str = "match scores",
) -> StageResult:
    """Rates every pair. The rows of its records are those of `Evidence`."""
    inputs = {
        "pairs": "" if folder is None else hash_value([list(pair) for pair in pairs]),
        "queries": queries.fingerprint,
        "references": references.fingerprint,
    }
    stage = Stage(name, folder, {"match": asdict(config)}, inputs, len(pairs), SHARD_PAIRS, "pairs")
    return run_stage(stage, ScoreWork(tuple(pairs), queries, references, config))


def read_evidence(stage: StageResult) -> list[Evidence]:
    """What a stage found of its pairs, in their order."""
    return [Evidence.of(row) for record in stage.records() for row in record["rows"]]
