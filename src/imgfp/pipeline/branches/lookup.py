"""One search as its branches see it: queries, index, and the steps that branches share, each done when first needed."""

from collections.abc import Sequence
from functools import cached_property

from imgfp.descriptors import Normalisation, search_normalised
from imgfp.detection import Finder, crop_rules, open_finder
from imgfp.images import ImageList, Images
from imgfp.local.index.neighbours import DescriptorIndex
from imgfp.local.store import FeatureSource
from imgfp.pipeline.branches.crops import CropSets, QueryCrops
from imgfp.pipeline.branches.storage import Storage
from imgfp.pipeline.index.descriptor_index import open_descriptor_index
from imgfp.pipeline.index.index import Index
from imgfp.pipeline.index.parts import require_some
from imgfp.pipeline.run_config import RunConfig
from imgfp.pipeline.stages.candidates import read_rows, topk_stage, vote_stage
from imgfp.pipeline.stages.score import read_evidence, score_stage
from imgfp.records import DescriptorSet, Evidence, Pairs


class Lookup:
    """Queries against an index.

    Attributes:
        index: The references.
        queries: The images to look up.
        run: The settings; those of extraction are the index's.
    """

    def __init__(
        self,
        index: Index,
        queries: Images,
        run: RunConfig,
        storage: Storage,
        background: ImageList | None = None,
        nearest: DescriptorIndex | None = None,
        finder: Finder | None = None,
        normalisation: Normalisation | None = None,
    ) -> None:
        """A search of these queries.

        Args:
            index, queries, run: See the class.
            storage: Where steps keep their results.
            background: Negative images for the global branch.
            nearest, finder: The index of local descriptors, and the detector of crops, where they are open already.
            normalisation: Of the global branch's scores; None: minus the mean of the top-3 similarities to the background.
        """
        self._normalisation = normalisation
        self.index, self.queries, self.run, self._storage = index, queries, run, storage
        self._background, self._nearest, self._finder = background, nearest, finder
        self._voted: dict[str, Pairs] = {}

    @cached_property
    def query_features(self) -> FeatureSource:
        """Local features of whole queries, in all views of the preset."""
        preset = self.run.preset
        features = self._storage.features("query features", self.queries, preset.sift, preset.views)
        self._require_some(len(features.ids), self.queries)
        return features

    @property
    def reference_features(self) -> FeatureSource:
        """Local features of the references."""
        assert self.index.features is not None, "required before the search"
        return self.index.features

    @cached_property
    def nearest(self) -> DescriptorIndex:
        """The index of the references' local descriptors; built first where the preset's kind is not there yet."""
        if self._nearest is not None:
            return self._nearest
        assert self.index.features is not None, "required before the search"
        nearest, built = open_descriptor_index(self.index.folder, self.index.features, self.run.preset.index)
        self._storage.stages += built
        return nearest

    @cached_property
    def crops(self) -> CropSets:
        """What was pasted into queries, cut out by the preset's rules."""
        preset = self.run.preset
        finder = self._finder or open_finder(preset.crop.finder, preset.crop.weights)
        imgfp = preset.crop.rules == "imgfp"

        def cut(rules_name: str, features: bool) -> QueryCrops:
            rules = crop_rules(rules_name, finder)
            crops, images, key = self._storage.crops(self.queries, finder, rules)
            found = None
            if features and crops:
                found = self._storage.features("crop features", images, preset.sift, preset.views, key)
            return QueryCrops(images, {crop.name: crop for crop in crops}, rules.margin, found)

        voted = cut("local" if imgfp else "default", True)
        described = cut("global", False) if imgfp and "global" in self.run.branches else voted
        return CropSets(finder.fingerprint, voted, described)

    def vote(self, features: FeatureSource, name: str) -> Pairs:
        """References that keypoints vote for; the score is the weight of votes. `name`: of the stage."""
        if name not in self._voted:
            folder = self._storage.folder(name.replace(" ", "_"))
            self._storage.stages.append(vote_stage(features, self.nearest, self.run.preset.vote, folder, name=name))
            self._voted[name] = read_rows(self._storage.stages[-1])
        return self._voted[name]

    def similar(self, images: Images, part: str, described_as: str, name: str) -> Pairs:
        """References with the most similar descriptors; the score is the (normalised) similarity.

        Args:
            images: Whole queries, or crops.
            part: What these descriptors are called in their file.
            described_as, name: Of the two stages.
        """
        references = self.index.descriptors
        assert references is not None, "required before the search"
        inputs, background = {"reference": self.index.descriptors_fingerprint}, None
        if self._background_set is not None:
            background, inputs["background"] = self._background_set
        described, inputs["query"] = self._describe(images, part, described_as)
        if self._normalisation is not None:
            return search_normalised(described, references, background, self._normalisation, self.run.preset.topk.k)
        folder = self._storage.folder(name.replace(" ", "_"))
        stage = topk_stage(described, references, background, self.run.preset.topk, inputs, folder, name)
        self._storage.stages.append(stage)
        return read_rows(stage)

    def compare(
        self, pairs: Sequence[tuple[str, str]], features: FeatureSource, name: str, folder: str
    ) -> list[Evidence]:
        """Compares queries, or parts of them, with references by their keypoints."""
        stage = score_stage(
            pairs, features, self.reference_features, self.run.preset.match, self._storage.folder(folder), name
        )
        self._storage.stages.append(stage)
        return read_evidence(stage)

    @cached_property
    def _background_set(self) -> tuple[DescriptorSet, str] | None:
        if self._background is None:
            return None
        return self._describe(self._background, "background", "background descriptors")

    def _describe(self, images: Images, part: str, name: str) -> tuple[DescriptorSet, str]:
        described, fingerprint = self._storage.descriptors(name, images, part, self.run.preset.encoder)
        self._require_some(len(described), images)
        return described, fingerprint

    def _require_some(self, count: int, images: Images) -> None:
        if isinstance(images, ImageList) and self._storage.stages:
            require_some(count, images, self._storage.stages[-1])
