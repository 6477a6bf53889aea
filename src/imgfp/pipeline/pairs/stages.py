"""Stages: photographs -> keypoints; pairs -> matches that agree with a two-view geometry, round by round."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np

from imgfp.files import hash_value
from imgfp.images import Failure, ImageList, read_rgb
from imgfp.local.features import LocalFeatures
from imgfp.local.sift.extract import ExtractionPool
from imgfp.local.store import FeatureStore, pack_features
from imgfp.pipeline.pairs.keypoints import KeypointConfig, extract_keypoints
from imgfp.pipeline.pairs.verify import TwoView, VerifyConfig, verify_pairs
from imgfp.pipeline.stages.inputs import claim_images
from imgfp.pipeline.stages.shard import Shard
from imgfp.pipeline.stages.stage import MakeShard, Stage, StageResult, Work, run_stage
from imgfp.progress import advance

SHARD_PHOTOGRAPHS, SHARD_PAIRS = 64, 256


@dataclass(frozen=True)
class KeypointWork(Work):
    """Keypoints of each photograph, extracted in worker processes."""

    ids: tuple[str, ...]
    paths: tuple[Path, ...]
    config: KeypointConfig

    @contextmanager
    def opened(self) -> Iterator[MakeShard]:
        """Starts the worker processes."""
        with ExtractionPool(partial(_extract, config=self.config)) as pool:

            def make(number: int, rows: range) -> Shard:
                extracted = []
                for item in pool.extract([self.paths[row] for row in rows]):
                    extracted.append(item)
                    advance(1)
                found = {row: item for row, item in zip(rows, extracted, strict=True) if not isinstance(item, Failure)}
                arrays, record = pack_features(list(found.values()))
                failures = tuple(item for item in extracted if isinstance(item, Failure))
                return Shard({"ids": [self.ids[row] for row in found], **record}, arrays, failures=failures)

            yield make


def keypoint_stage(images: ImageList, config: KeypointConfig, folder: Path) -> StageResult:
    """Extracts the keypoints of every photograph into a `FeatureStore`; an unreadable image is a named failure."""
    inputs = {"images": claim_images(folder, images)}
    stage = Stage("keypoints", folder, {"keypoints": asdict(config)}, inputs, len(images), SHARD_PHOTOGRAPHS)
    return run_stage(stage, KeypointWork(images.ids, images.paths, config))


def _extract(path: Path, config: KeypointConfig) -> LocalFeatures | Failure:
    rgb = read_rgb(path)
    return rgb if isinstance(rgb, Failure) else extract_keypoints(rgb, config)


@dataclass(frozen=True)
class VerifyWork(Work):
    """The two-view geometry of each pair, given by positions in the store."""

    features: FeatureStore
    pairs: tuple[tuple[int, int], ...]
    config: VerifyConfig

    def shard(self, number: int, rows: range) -> Shard:
        """See `Work`."""
        pairs = [self.pairs[row] for row in rows]
        found = verify_pairs(self.features, pairs, self.config)
        record = {
            "rows": [[*pair, item.inliers, item.planar] for pair, item in zip(pairs, found, strict=True)],
        }
        none = np.zeros((3, 3))
        return Shard(
            record,
            {
                "matches": np.concatenate([item.matches for item in found]),
                "models": np.stack([none if item.model is None else item.model for item in found]),
            },
        )


class StoredVerifier:
    """Verifies batches of pairs, each as a stage of its own below `folder`: a killed run resumes within its batch.

    The selection asks for the same batches in the same order, since it depends on their results only.
    """

    def __init__(self, features: FeatureStore, config: VerifyConfig, folder: Path) -> None:
        self._features, self._config, self._folder = features, config, folder
        self.stages: list[StageResult] = []

    def __call__(self, pairs: Sequence[tuple[int, int]]) -> list[int]:
        """The inliers of each pair of positions."""
        number = len(self.stages)
        stage = Stage(
            f"verification, round {number + 1}",
            self._folder / f"{number:03d}",
            {"verify": asdict(self._config)},
            {"pairs": hash_value([list(pair) for pair in pairs]), "features": self._features.fingerprint},
            len(pairs),
            SHARD_PAIRS,
            "pairs",
        )
        self.stages.append(run_stage(stage, VerifyWork(self._features, tuple(pairs), self._config)))
        return [row[2] for record in self.stages[-1].records() for row in record["rows"]]

    def results(self) -> Iterator[tuple[tuple[int, int], TwoView]]:
        """Every tested pair with its matches, in the order of testing; one shard in memory at a time."""
        for stage in self.stages:
            assert stage.folder is not None, "batches are stored"
            for number, record in enumerate(stage.records()):
                matches, models = (
                    np.load(stage.folder / f"{number:05d}.{name}.npy", allow_pickle=False)
                    for name in ("matches", "models")
                )
                start = 0
                for (first, second, inliers, planar), model in zip(record["rows"], models, strict=True):
                    rows = matches[start : start + inliers]
                    start += inliers
                    yield (first, second), TwoView(rows, planar, model if inliers else None)

    @property
    def total(self) -> StageResult | None:
        """All batches as one stage, for the summary; None where nothing was verified."""
        if not self.stages:
            return None
        items, reused = sum(stage.items for stage in self.stages), sum(stage.reused for stage in self.stages)
        seconds, peak = sum(stage.seconds for stage in self.stages), max(stage.peak_mb for stage in self.stages)
        return StageResult("verification", "pairs", items, reused, seconds, peak, ())
