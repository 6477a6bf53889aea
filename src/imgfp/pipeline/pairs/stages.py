"""Stages: photographs -> keypoints; pairs -> matches that agree with a two-view geometry, round by round."""

import time
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
from imgfp.pipeline.pairs.stored_pairs import StoredPairs
from imgfp.pipeline.pairs.verify import TwoView, VerifyConfig, verify_pairs
from imgfp.pipeline.stages.inputs import claim_images
from imgfp.pipeline.stages.plan import claim_folder
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
    """Verifies pairs and keeps them below `folder`: each is verified once, whichever selection requests it.

    What is missing of a batch is a stage of its own, so a killed run resumes within its batch.

    Raises:
        InputError: `folder` was made from other features or settings.
    """

    def __init__(self, features: FeatureStore, config: VerifyConfig, folder: Path) -> None:
        claim_folder(folder, {"settings": {"verify": asdict(config)}, "features": features.fingerprint})
        self._features, self._config, self._folder = features, config, folder
        self._stored = StoredPairs()
        for batch in sorted(path for path in folder.iterdir() if path.is_dir()):
            self._stored.add(batch)
        self._requested: list[tuple[int, int]] = []
        self._batches, self._done, self._seconds, self._peak_mb = 0, 0, 0.0, 0.0

    def __call__(self, pairs: Sequence[tuple[int, int]]) -> list[int]:
        """The inliers of each pair of positions."""
        started = time.perf_counter()
        self._batches += 1
        if missing := self._stored.missing(pairs):
            digest = hash_value(missing)
            stage = Stage(
                f"verification, round {self._batches}",
                self._folder / f"{self._batches:03d}-{digest[:12]}",
                {"verify": asdict(self._config)},
                {"pairs": digest, "features": self._features.fingerprint},
                len(missing),
                SHARD_PAIRS,
                "pairs",
            )
            made = run_stage(stage, VerifyWork(self._features, tuple(missing), self._config))
            assert made.folder is not None, "batches are stored"
            self._stored.add(made.folder)
            self._done += made.items - made.reused
            self._peak_mb = max(self._peak_mb, made.peak_mb)
        self._requested += pairs
        self._seconds += time.perf_counter() - started
        return self._stored.inliers(pairs)

    def results(self) -> Iterator[tuple[tuple[int, int], TwoView]]:
        """Every requested pair with its matches, in that order; they are read from disk one by one."""
        return zip(self._requested, self._stored.results(self._requested), strict=True)

    @property
    def total(self) -> StageResult | None:
        """All batches as one stage, for the summary; None without a batch."""
        if not self._batches:
            return None
        count = len(self._requested)
        return StageResult("verification", "pairs", count, count - self._done, self._seconds, self._peak_mb, ())
