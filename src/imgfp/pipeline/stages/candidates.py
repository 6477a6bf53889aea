"""Stages: local features -> voted candidates; descriptors -> nearest candidates. Both give rows of pairs."""

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from imgfp.descriptors import TopkConfig, search_topk
from imgfp.local.features import transforms_for
from imgfp.local.index.neighbours import DescriptorIndex
from imgfp.local.store import FeatureSource
from imgfp.local.vote import VoteConfig, neighbours_needed, vote
from imgfp.pipeline.stages.shard import Shard
from imgfp.pipeline.stages.stage import Stage, StageResult, Work, run_stage
from imgfp.progress import announce
from imgfp.records import DescriptorSet, Pairs

SHARD_QUERIES = 64


@dataclass(frozen=True)
class VoteWork(Work):
    """The references that each query's keypoints vote for. `own`: where queries are references, the position of each."""

    queries: FeatureSource
    references: DescriptorIndex
    config: VoteConfig
    own: tuple[int, ...] | None = None

    def shard(self, number: int, rows: range) -> Shard:
        """See `Work`."""
        own = None if self.own is None else [self.own[row] for row in rows]
        found = vote([self.queries.get(row) for row in rows], self.references, self.config, own)
        return Shard({"rows": [
            [self.queries.ids[row], self.references.ids[item.reference], item.votes]
            for row, items in zip(rows, found, strict=True)
            for item in items
        ]})  # fmt: skip


def vote_stage(
    queries: FeatureSource,
    references: DescriptorIndex,
    config: VoteConfig,
    folder: Path | None,
    among_themselves: bool = False,
    name: str = "local candidates",
) -> StageResult:
    """Candidates of the local branch; their score is the number (or weight) of votes.

    `among_themselves`: the queries are the references, and none is its own candidate.
    """
    inputs = {"queries": queries.fingerprint, "references": references.fingerprint}
    settings = {"vote": asdict(config)} | ({"among_themselves": True} if among_themselves else {})
    own = None
    if among_themselves:
        place = {image_id: row for row, image_id in enumerate(references.ids)}
        own = tuple(place[image_id] for image_id in queries.ids)
    stage = Stage(name, folder, settings, inputs, len(queries.ids), SHARD_QUERIES, "queries")
    if folder is not None and not (folder / "manifest.json").is_file():
        count = len(transforms_for(config.mirrored, config.inverted))
        points = int(queries.offsets[-1])
        largest = int(np.diff(queries.offsets[::SHARD_QUERIES], append=queries.offsets[-1]).max(initial=0))
        announce(
            f"{name}: comparing {points:,} query descriptors, each in {count} transforms, with "
            f"{references.needs(largest, neighbours_needed(config, among_themselves), count)}"
        )
    return run_stage(stage, VoteWork(queries, references, config, own))


@dataclass(frozen=True)
class TopkWork(Work):
    """The references whose descriptors are nearest to each query's."""

    query: DescriptorSet
    reference: DescriptorSet
    background: DescriptorSet | None
    config: TopkConfig

    def shard(self, number: int, rows: range) -> Shard:
        """See `Work`."""
        part = DescriptorSet(self.query.ids[rows.start : rows.stop], self.query.matrix[rows.start : rows.stop])
        pairs = search_topk(part, self.reference, self.config.k, self.background)
        columns = pairs.query_ids.tolist(), pairs.reference_ids.tolist(), pairs.scores.tolist()
        return Shard({"rows": [list(row) for row in zip(*columns, strict=True)]})


def topk_stage(
    query: DescriptorSet,
    reference: DescriptorSet,
    background: DescriptorSet | None,
    config: TopkConfig,
    inputs: dict[str, str],
    folder: Path | None,
    name: str = "global candidates",
) -> StageResult:
    """Candidates of the global branch; their score is the (normalised) similarity. `inputs`: hashes of the descriptor files."""
    stage = Stage(name, folder, {"topk": asdict(config)}, dict(inputs), len(query), SHARD_QUERIES, "queries")
    return run_stage(stage, TopkWork(query, reference, background, config))


def read_rows(stage: StageResult) -> Pairs:
    """The pairs of a stage whose records hold rows of (query id, reference id, score, ...)."""
    return Pairs.of([(row[0], row[1], float(row[2])) for record in stage.records() for row in record["rows"]])
