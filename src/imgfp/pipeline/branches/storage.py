"""Where the steps of a search keep their results: in folders that a killed run resumes from, or in memory."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Protocol

import numpy as np
import torch

from imgfp.descriptors import encode_images
from imgfp.detection import CropRules, Finder
from imgfp.encoders import Encoder, EncoderConfig
from imgfp.errors import InputError
from imgfp.files import hash_file, hash_value
from imgfp.images import Failure, ImageList, Images, hash_images
from imgfp.local.sift.sift import SiftConfig
from imgfp.local.sift.views import ViewsConfig
from imgfp.local.store import FeatureSource, FeatureStore
from imgfp.pipeline.cut_crops import cut_in_memory, cut_to_files
from imgfp.pipeline.stages.boxes import Crop, box_stage, choose_crops
from imgfp.pipeline.stages.describe import descriptor_stage, sorted_descriptors
from imgfp.pipeline.stages.features import feature_stage, loaded_features
from imgfp.pipeline.stages.stage import StageResult
from imgfp.progress import announce
from imgfp.records import DescriptorSet, read_descriptors
from imgfp.threads import thread_count


class Storage(Protocol):
    """Makes what a search needs of its images. `stages`: how each step went, in order."""

    stages: list[StageResult]

    def folder(self, name: str) -> Path | None:
        """Where the stage of that name keeps its shards; None: in memory."""
        ...

    def features(
        self, name: str, images: Images, sift: SiftConfig, views: ViewsConfig, crops: str = ""
    ) -> FeatureSource:
        """Local features of images; `crops`: the key of the set of crops, empty for whole queries."""
        ...

    def descriptors(self, name: str, images: Images, part: str, config: EncoderConfig) -> tuple[DescriptorSet, str]:
        """Global descriptors of images, and their fingerprint."""
        ...

    def crops(self, images: Images, finder: Finder, rules: CropRules) -> tuple[list[Crop], Images, str]:
        """What is cut out of images, the crops as images of their own, and a key for this set of crops."""
        ...


class OnDisk:
    """Resumable. `work`: folder of this search; `shared`: of what several searches of the same queries may use."""

    def __init__(self, work: Path, shared: Path | None) -> None:
        self._work, self._shared, self._several = work, shared or work, shared is not None
        self.stages: list[StageResult] = []

    def folder(self, name: str) -> Path | None:
        """See `Storage`."""
        return self._work / name

    def features(
        self, name: str, images: Images, sift: SiftConfig, views: ViewsConfig, crops: str = ""
    ) -> FeatureSource:
        """See `Storage`."""
        assert isinstance(images, ImageList), "files"
        suffix = f"-{hash_value(asdict(views))[:8]}"
        folder = self._shared / f"query_features{suffix if self._several else ''}"
        if crops:
            folder = self._shared / f"crops-{crops}" / f"features{suffix}"
        self.stages.append(feature_stage(name, images, sift, folder, views))
        return FeatureStore(folder, verify=False)

    def descriptors(self, name: str, images: Images, part: str, config: EncoderConfig) -> tuple[DescriptorSet, str]:
        """See `Storage`."""
        assert isinstance(images, ImageList), "files"
        name_of_set = part if part == "query" else f"{part}_{hash_value(hash_images(images))[:8]}"
        folder = self._shared / f"{name_of_set}_descriptors"
        self.stages.append(descriptor_stage(name, images, config, folder, part))
        file = folder / "descriptors.h5"
        return read_descriptors(file, part), hash_file(file)

    def crops(self, images: Images, finder: Finder, rules: CropRules) -> tuple[list[Crop], Images, str]:
        """See `Storage`."""
        boxes = self._shared / f"boxes-{hash_value(finder.fingerprint)[:8]}"
        result = box_stage(images, finder, boxes)
        chosen = choose_crops(result.records(), rules)
        if not any(stage.folder == boxes for stage in self.stages):  # a second set of rules reads the same boxes
            self.stages.append(result)
            cropped = len({crop.image_id for crop in chosen})
            announce(f"crops: {len(chosen)} from {cropped} of {len(images)} queries, detector {finder.fingerprint}")
        key = hash_value([finder.fingerprint, asdict(rules), hash_file(boxes / "manifest.json")])[:8]
        return chosen, cut_to_files(images, chosen, rules.margin, self._shared / f"crops-{key}" / "images"), key


class InMemory:
    """For a few images, several threads at once; an image that cannot be read is an InputError."""

    def __init__(self, encoder: Encoder | None) -> None:
        """`encoder`: the network, loaded; None where no branch describes images."""
        self._encoder = encoder
        self.stages: list[StageResult] = []

    def folder(self, name: str) -> Path | None:
        """See `Storage`."""
        return None

    def features(
        self, name: str, images: Images, sift: SiftConfig, views: ViewsConfig, crops: str = ""
    ) -> FeatureSource:
        """See `Storage`."""
        found, failures = loaded_features(images, sift, views)
        _refuse(failures)
        return found

    def descriptors(self, name: str, images: Images, part: str, config: EncoderConfig) -> tuple[DescriptorSet, str]:
        """See `Storage`."""
        assert self._encoder is not None, "loaded where a branch describes images"
        torch.set_num_threads(thread_count())  # counted for each calling thread, and it decides the last bits
        matrix, _, failures = encode_images(images.sources, self._encoder)
        _refuse(failures)
        return sorted_descriptors(list(images.ids), np.asarray(matrix)), ""

    def crops(self, images: Images, finder: Finder, rules: CropRules) -> tuple[list[Crop], Images, str]:
        """See `Storage`."""
        result = box_stage(images, finder, None)
        _refuse(result.failures)
        chosen = choose_crops(result.records(), rules)
        return chosen, cut_in_memory(images, chosen, rules.margin), "memory"


def _refuse(failures: Sequence[Failure]) -> None:
    if failures:
        raise InputError(f"{failures[0].path}: {failures[0].reason}: give an image that can be read")
