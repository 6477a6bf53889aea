"""Stages: local features -> voted candidates; descriptors -> nearest candidates. Both end as rows of pairs."""

from dataclasses import asdict
from pathlib import Path

import numpy as np

from imgfp.descriptors import TopkConfig, search_topk
from imgfp.local.features import transforms_for
from imgfp.local.index.neighbours import DescriptorIndex
from imgfp.local.store import FeatureSource
from imgfp.local.vote import VoteConfig, neighbours_needed, vote
from imgfp.pipeline.stages.stage import Shard, Stage, StageResult, read_shard, run_stage
from imgfp.progress import announce
from imgfp.records import DescriptorSet, Pairs

SHARD_QUERIES = 64


def vote_stage(
    queries: FeatureSource,
    references: DescriptorIndex,
    config: VoteConfig,
    folder: Path,
    among_themselves: bool = False,
) -> StageResult:
    """Candidates of the local branch; their score is the number (or weight) of votes.

    `among_themselves`: the queries are the references, and none is its own candidate.
    """
    inputs = {"queries": queries.fingerprint, "references": references.fingerprint}
    settings = {"vote": asdict(config)} | ({"among_themselves": True} if among_themselves else {})
    place = {image_id: row for row, image_id in enumerate(references.ids)} if among_themselves else {}
    stage = Stage("local candidates", folder, settings, inputs, len(queries.ids), SHARD_QUERIES, "queries")
    if not (folder / "manifest.json").is_file():
        transforms = len(transforms_for(config.mirrored, config.inverted))
        points = int(queries.offsets[-1])
        largest = int(np.diff(queries.offsets[::SHARD_QUERIES], append=queries.offsets[-1]).max(initial=0))
        announce(
            f"local candidates: comparing {points:,} query descriptors, each in {transforms} transforms, with "
            f"{references.needs(largest, neighbours_needed(config, among_themselves), transforms)}"
        )

    def work(number: int, rows: range) -> Shard:
        own = [place[queries.ids[row]] for row in rows] if among_themselves else None
        found = vote([queries.get(row) for row in rows], references, config, own)
        return Shard({"rows": [
            [queries.ids[row], references.ids[item.reference], item.votes]
            for row, items in zip(rows, found, strict=True)
            for item in items
        ]})  # fmt: skip

    return run_stage(stage, work)


def topk_stage(
    query: DescriptorSet,
    reference: DescriptorSet,
    background: DescriptorSet | None,
    config: TopkConfig,
    inputs: dict[str, str],
    folder: Path,
) -> StageResult:
    """Candidates of the global branch; their score is the (normalised) similarity. `inputs`: hashes of the descriptor files."""
    stage = Stage(
        "global candidates", folder, {"topk": asdict(config)}, dict(inputs), len(query), SHARD_QUERIES, "queries"
    )

    def work(number: int, rows: range) -> Shard:
        part = DescriptorSet(query.ids[rows.start : rows.stop], query.matrix[rows.start : rows.stop])
        pairs = search_topk(part, reference, config.k, background)
        columns = pairs.query_ids.tolist(), pairs.reference_ids.tolist(), pairs.scores.tolist()
        return Shard({"rows": [list(row) for row in zip(*columns, strict=True)]})

    return run_stage(stage, work)


def read_rows(folder: Path) -> Pairs:
    """The pairs of a finished stage that keeps rows of (query id, reference id, score, ...)."""
    rows: list[tuple[str, str, float]] = []
    number = 0
    while (record := read_shard(folder, number)) is not None:
        rows += [(row[0], row[1], float(row[2])) for row in record["rows"]]
        number += 1
    return Pairs.of(rows)
