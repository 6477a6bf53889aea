"""The branch "crop": pictures that were pasted into queries, cut out and looked up as queries of their own."""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from imgfp.detection import CropRules, crop_rules, open_finder, region
from imgfp.files import hash_file, hash_value
from imgfp.images import ImageList
from imgfp.local.index.neighbours import DescriptorIndex
from imgfp.local.store import FeatureSource, FeatureStore
from imgfp.pipeline.presets import Preset
from imgfp.pipeline.stages.candidates import read_rows, vote_stage
from imgfp.pipeline.stages.crops import Crop, box_stage, cut_crops, read_crops
from imgfp.pipeline.stages.features import feature_stage
from imgfp.pipeline.stages.score import read_evidence, score_stage
from imgfp.pipeline.stages.stage import StageResult
from imgfp.progress import announce
from imgfp.records import Evidence, Pairs

NO_PAIRS: list[tuple[str, str, float]] = []


@dataclass(frozen=True)
class CutQueries:
    """Crops of queries.

    `finder`: who found them; `images`: them as pictures; `crops`: where each was, by its name; `margin`: by which they are wider
    than their boxes; `features`: None where there are none.
    """

    finder: str
    images: ImageList
    crops: dict[str, Crop]
    margin: float
    features: FeatureSource | None = None

    def box(self, name: str) -> tuple[float, float, float, float]:
        """What was cut out: left, top, right, bottom as shares of the query."""
        crop = self.crops[name]
        left, top, right, bottom = region(crop.box, crop.width, crop.height, self.margin)
        return left / crop.width, top / crop.height, right / crop.width, bottom / crop.height

    def of_queries(self, pairs: Pairs) -> Pairs:
        """Pairs of crops as pairs of their queries, each once with its highest score."""
        names = [self.crops[str(name)].image_id for name in pairs.query_ids]
        return _each_once([Pairs(np.array(names, dtype=str), pairs.reference_ids, pairs.scores)])

    def in_query(self, item: Evidence) -> Evidence:
        """What comparing a crop found, told of its query: the box in the whole of it."""
        crop = self.crops[item.query_id]
        left, top, right, bottom = self.box(crop.name)
        across, down = right - left, bottom - top
        return replace(
            item,
            query_id=crop.image_id,
            part=crop.name,
            left=left + across * item.left,
            right=left + across * item.right,
            top=top + down * item.top,
            bottom=top + down * item.bottom,
        )


class CropBranch:
    """Its stages on the queries of one search."""

    def __init__(self, queries: ImageList, preset: Preset, alike: bool, shared: Path, work: Path) -> None:
        """`alike`: whether descriptors of crops are wanted. `shared`: folder for what several searches may use; `work`: for
        what only this one does.

        Raises:
            InputError: the finder is not installed, or its weights cannot be used.
        """
        self._queries, self._preset, self._shared, self._work = queries, preset, shared, work
        self._finder = open_finder(preset.crop.finder, preset.crop.weights)
        self.stages: list[StageResult] = []
        boxes = shared / f"boxes-{hash_value(self._finder.fingerprint)[:8]}"
        self.stages.append(box_stage(queries, self._finder, boxes))
        imgfp = preset.crop.rules == "imgfp"
        self.local = self._with_features(self._cut(boxes, crop_rules("local" if imgfp else "default", self._finder)))
        self.alike = self._cut(boxes, crop_rules("global", self._finder)) if imgfp and alike else self.local
        count = len({crop.image_id for crop in self.local.crops.values()})
        announce(
            f"crops: {len(self.local.crops)}, of {count} of the {len(queries)} queries, found by {self._finder.fingerprint}"
        )

    def candidates(self, nearest: DescriptorIndex) -> Pairs:
        """What the crops vote for, as pairs of their queries."""
        if self.local.features is None:
            return Pairs.of(NO_PAIRS)
        folder = self._work / "crop_candidates"
        self.stages.append(
            replace(vote_stage(self.local.features, nearest, self._preset.vote, folder), name="crop candidates")
        )
        return self.local.of_queries(read_rows(folder))

    def evidence(self, references: FeatureSource) -> list[Evidence]:
        """Compares each crop with the references that it votes for."""
        if self.local.features is None:
            return []
        folder = self._work / "crop_scores"
        voted = sorted(read_rows(self._work / "crop_candidates").id_pairs())
        stage = score_stage(voted, self.local.features, references, self._preset.match, folder)
        self.stages.append(replace(stage, name="crop match scores"))
        return [self.local.in_query(item) for item in read_evidence(folder)]

    def alike_candidates(self, whole: Pairs, search: Callable[[ImageList], Pairs]) -> Pairs:
        """The global branch's candidates with those of the crops: beside the queries' own, or in their place.

        Args:
            whole: What the whole queries found.
            search: Finds the candidates of pictures.
        """
        if not self.alike.crops:
            return whole
        found = self.alike.of_queries(search(self.alike.images))
        kept = whole
        if self._preset.crop.rules == "imgfp":
            kept = whole.take(~np.isin(whole.query_ids, found.query_ids))
        return _each_once([kept, found])

    def _cut(self, boxes: Path, rules: CropRules) -> CutQueries:
        crops = read_crops(boxes, rules)
        made_from = [self._finder.fingerprint, asdict(rules), hash_file(boxes / "manifest.json")]
        folder = self._shared / f"crops-{hash_value(made_from)[:8]}"
        pictures = cut_crops(self._queries, crops, rules.margin, folder / "images")
        return CutQueries(self._finder.fingerprint, pictures, {crop.name: crop for crop in crops}, rules.margin)

    def _with_features(self, cut: CutQueries) -> CutQueries:
        if not cut.crops:
            return cut
        views = self._preset.views
        folder = cut.images.root.parent / f"features-{hash_value(asdict(views))[:8]}"
        self.stages.append(feature_stage("crop features", cut.images, self._preset.sift, folder, views))
        return replace(cut, features=FeatureStore(folder, verify=False))


def _each_once(parts: Iterable[Pairs]) -> Pairs:
    """All pairs, each once with its highest score."""
    best: dict[tuple[str, str], float] = {}
    for part in parts:
        for pair, score in zip(part.id_pairs(), part.scores.tolist(), strict=True):
            best[pair] = max(score, best.get(pair, score))
    return Pairs.of([(*pair, score) for pair, score in best.items()])
