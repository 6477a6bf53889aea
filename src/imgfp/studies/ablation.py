"""Many settings of the local branch over the same features: one search, then votes and comparisons per setting."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from imgfp.errors import InputError
from imgfp.files import hash_value
from imgfp.fusion import union_pairs
from imgfp.local.features import LocalFeatures, Transform, transforms_for
from imgfp.local.index.neighbours import DescriptorIndex, Neighbours
from imgfp.local.sift.views import ViewsConfig
from imgfp.local.store import FeatureSource
from imgfp.local.vote import Candidate, VoteConfig, vote
from imgfp.pipeline.preset import Preset
from imgfp.pipeline.stages.candidates import SHARD_QUERIES
from imgfp.pipeline.stages.score import read_evidence, score_stage
from imgfp.pipeline.stages.shard import Shard
from imgfp.pipeline.stages.stage import Stage, Work, run_stage
from imgfp.records import Evidence, Pairs


class _Searched:
    """An index that was searched once for all that several settings need."""

    def __init__(self, index: DescriptorIndex, found: Neighbours, transforms: Sequence[Transform]) -> None:
        self.ids, self.fingerprint, self.descriptors = index.ids, index.fingerprint, index.descriptors
        self.needs = index.needs
        self._found, self._transforms = found, tuple(transforms)

    def search(self, queries: np.ndarray, k: int, transforms: Sequence[Transform], units: int = 0) -> Neighbours:
        """Of the one search: the same queries, its transforms or fewer, its number of neighbours or fewer."""
        rows = [self._transforms.index(transform) for transform in transforms]
        found = self._found
        return Neighbours(found.distances[rows, :, :k], found.owners[rows, :, :k], found.rows[rows, :, :k])


class SomeViews:
    """Features of queries with only some of their views."""

    def __init__(self, source: FeatureSource, kept: Sequence[int]) -> None:
        self._source, self._kept = source, list(kept)
        self.ids, self.offsets = source.ids, source.offsets
        self.fingerprint = hash_value([source.fingerprint, self._kept])

    def get(self, index: int) -> LocalFeatures:
        """Features of one image, by position."""
        whole = self._source.get(index)
        rows = [whole.view_rows[view] for view in self._kept]
        return replace(
            whole,
            keypoints=np.concatenate([whole.keypoints[part] for part in rows]),
            descriptors=np.concatenate([whole.descriptors[part] for part in rows]),
            views=tuple(part.stop - part.start for part in rows),
        )

    def blocks(self) -> Iterator[np.ndarray]:
        """All descriptors, an image at a time."""
        return (self.get(row).descriptors for row in range(len(self.ids)))


@dataclass(frozen=True)
class VotesWork(Work):
    """Candidates of each voting configuration for each query, from one search of the index."""

    votes: Mapping[str, VoteConfig]
    kept: Mapping[str, Sequence[int]]
    queries: FeatureSource
    index: DescriptorIndex

    def shard(self, number: int, rows: range) -> Shard:
        """See `Work`."""
        whole = [self.queries.get(row) for row in rows]
        asked = np.concatenate([side.first_views(1) for side in whole])
        wanted = transforms_for(
            *(any(getattr(v, key) for v in self.votes.values()) for key in ("mirrored", "inverted"))
        )
        k = max(item.k for item in self.votes.values())
        searched = _Searched(self.index, self.index.search(asked, k, wanted, len(whole)), wanted)

        def found(name: str) -> list[list[Candidate]]:
            sides = [SomeViews(self.queries, self.kept[name]).get(row) for row in rows]
            # a query whose first views are empty votes with a view that not every setting has
            same = np.array_equal(np.concatenate([side.first_views(1) for side in sides]), asked)
            return vote(sides, searched if same else self.index, self.votes[name])

        return Shard({
            name: [
                [self.queries.ids[row], self.index.ids[item.reference], item.votes]
                for row, items in zip(rows, found(name), strict=True)
                for item in items
            ]
            for name in self.votes
        })  # fmt: skip


def candidates_of(
    votes: Mapping[str, VoteConfig],
    queries: FeatureSource,
    kept: Mapping[str, Sequence[int]],
    index: DescriptorIndex,
    folder: Path,
) -> dict[str, Pairs]:
    """What each way of voting proposes, by name; the index is searched once for all. The first view that has keypoints votes.

    `kept`: which of the queries' views each way uses.
    """
    settings = {name: asdict(item) | {"kept": list(kept[name])} for name, item in votes.items()}
    inputs = {"queries": queries.fingerprint, "references": index.fingerprint}
    stage = Stage("votes", folder, settings, inputs, len(queries.ids), SHARD_QUERIES, "queries")
    records = list(run_stage(stage, VotesWork(votes, kept, queries, index)).records())
    return {name: Pairs.of([(*row[:2], row[2]) for record in records for row in record[name]]) for name in votes}


def evidence_of_settings(
    settings: Mapping[str, Preset],
    queries: FeatureSource,
    index: DescriptorIndex,
    references: FeatureSource,
    work: Path,
) -> dict[str, tuple[Pairs, list[Evidence]]]:
    """What each setting proposes and what comparing that finds, by name. Pairs that several settings compare in the same way are compared once.

    Args:
        settings: They may differ in votes, matching, and views that are left out; anything else has no effect here.
        queries: In the views of the first setting.
        index: The references' descriptors.
        references: Their features.
        work: Folder for what can be resumed.

    Raises:
        InputError: a setting uses views that were not extracted, or lets several vote.
    """
    views = next(iter(settings.values())).views
    kept = {name: _kept_views(name, views, preset) for name, preset in settings.items()}
    votes = {name: preset.vote for name, preset in settings.items()}
    plan = hash_value([[name, asdict(item), kept[name]] for name, item in votes.items()])[:8]
    proposed = candidates_of(votes, queries, kept, index, work / f"votes-{plan}")
    groups: dict[str, list[str]] = {}  # settings that compare in the same way
    for name, preset in settings.items():
        groups.setdefault(hash_value([asdict(preset.match), kept[name]])[:8], []).append(name)
    found = {}
    for names in groups.values():
        pairs = union_pairs(proposed[name] for name in names)
        preset, sides = settings[names[0]], SomeViews(queries, kept[names[0]])
        folder = work / f"match_scores-{hash_value([asdict(preset.match), sides.fingerprint, pairs])[:8]}"
        scored = score_stage(pairs, sides, references, preset.match, folder)
        known = {(item.query_id, item.reference_id): item for item in read_evidence(scored)}
        for name in names:
            found[name] = (proposed[name], [known[pair] for pair in sorted(proposed[name].id_pairs()) if pair in known])
    return {name: found[name] for name in settings}


def _kept_views(name: str, made: ViewsConfig, preset: Preset) -> list[int]:
    """Positions of the views that a setting uses among the extracted ones."""
    wanted = preset.views.factors
    if preset.vote.views != 1 or not set(wanted) <= set(made.factors):
        raise InputError(f"{name}: only views.upscale=1 and views.aspect=1 are compared here, and one view votes")
    return [made.factors.index(view) for view in wanted]
