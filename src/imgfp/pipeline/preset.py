"""Every setting of a copy detection run in one typed, checked value."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace

from imgfp.descriptors import TopkConfig
from imgfp.detection import FINDERS
from imgfp.encoders import EncoderConfig
from imgfp.errors import InputError
from imgfp.fusion import FusionConfig
from imgfp.local.index.index_config import CHOICES, DEVICES, PROBES, IndexConfig
from imgfp.local.sift.sift import EXTRACTORS, SiftConfig
from imgfp.local.sift.views import ViewsConfig
from imgfp.local.verify import MODELS, MatchConfig
from imgfp.local.vote import VoteConfig

# branches by name, in the order of reports: what an index must hold for each
BRANCHES = {"local": "local", "global": "global", "crop": "local"}  # crops are parts of queries
CROP_RULES = ("default", "imgfp")
IMGFP_VOTES = VoteConfig(rule="imgfp", k=1, candidates=1, mirrored=False, inverted=False, damped=False)


def require_one_of(key: str, value: str, allowed: Iterable[str]) -> None:
    """Raises InputError that lists what is allowed."""
    allowed = tuple(allowed)
    if value not in allowed:
        raise InputError(f"{key}={value!r}: must be one of {', '.join(allowed)}")


@dataclass(frozen=True)
class CropConfig:
    """Which parts of a query the branch "crop" looks up by themselves: images that were pasted into it.

    Attributes:
        finder: The detector: learned, classical, or auto (the learned one where it is installed).
        weights: Weights file of train/detector.py for the learned one; null: the shipped one.
        rules: "default": up to three crops, looked up beside the query. "imgfp": at most one by each of its two limits; the
            crop's descriptor replaces the query's.
    """

    finder: str = "auto"
    weights: str | None = None
    rules: str = "default"


@dataclass(frozen=True)
class Extraction:
    """What the features and descriptors of an index depend on."""

    sift: SiftConfig
    encoder: EncoderConfig


@dataclass(frozen=True)
class Preset:
    """All settings of a copy detection run."""

    sift: SiftConfig = field(default_factory=SiftConfig)
    views: ViewsConfig = field(default_factory=ViewsConfig)
    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    vote: VoteConfig = field(default_factory=VoteConfig)
    topk: TopkConfig = field(default_factory=TopkConfig)
    match: MatchConfig = field(default_factory=MatchConfig)
    fusion: FusionConfig = field(default_factory=FusionConfig)
    index: IndexConfig = field(default_factory=IndexConfig)
    crop: CropConfig = field(default_factory=CropConfig)

    def __post_init__(self) -> None:
        require_one_of("sift.extractor", self.sift.extractor, EXTRACTORS)
        require_one_of("vote.rule", self.vote.rule, ("imgfp", "weighted"))
        require_one_of("match.score", self.match.score, ("count", "inliers"))
        require_one_of("fusion.rule", self.fusion.rule, ("sum", "verified", "calibrated", "similarity"))
        require_one_of("crop.finder", self.crop.finder, FINDERS)
        require_one_of("crop.rules", self.crop.rules, CROP_RULES)
        for name, weight in self.fusion.weights.items():
            require_one_of("fusion.weights", name, BRANCHES)
            if not 0 <= weight < math.inf:
                raise InputError(f"fusion.weights.{name}={weight}: must be a number >= 0")
        if not any(self.fusion.weights.values()):
            raise InputError("fusion.weights: all are 0: give at least one branch a weight")
        require_one_of("index.kind", self.index.kind, CHOICES)
        require_one_of("index.device", self.index.device, DEVICES)
        for key, value in self._at_least_one().items():
            if value is not None and value < 1:
                raise InputError(f"{key}={value}: must be >= 1")
        for key, factor in {"views.upscale": self.views.upscale, "views.aspect": self.views.aspect}.items():
            if not 1 <= factor <= 4:
                raise InputError(f"{key}={factor}: must be from 1 (no such view) to 4")
        for key, number in {
            "match.ratio": self.match.ratio,
            "match.tolerance": self.match.tolerance,
            "match.hypothesis_tolerance": self.match.hypothesis_tolerance,
            "encoder.gem_p": self.encoder.gem_p,
        }.items():
            if number is not None and not number > 0:
                raise InputError(f"{key}={number}: must be above 0")
        require_one_of("match.model", self.match.model, MODELS)
        if self.vote.rule == "weighted" and self.vote.k < 2:
            raise InputError(f"vote.k={self.vote.k}: rule 'weighted' needs k >= 2")
        for rule, key, given, only in self._fixed_by_rules():
            if given != only:
                raise InputError(f"{key}={given!r} has no effect with {rule}: leave it at {only!r}")

    def _at_least_one(self) -> dict[str, int | None]:
        return {
            "sift.side": self.sift.side,
            "sift.octaves": self.sift.octaves,
            "sift.levels": self.sift.levels,
            "sift.orientations": self.sift.orientations,
            "encoder.size": self.encoder.size,
            "vote.candidates": self.vote.candidates,
            "vote.views": self.vote.views,
            "topk.k": self.topk.k,
            "fusion.answers": self.fusion.answers,
            "index.memory_mb": self.index.memory_mb,
            "index.nprobe": self.index.nprobe,
        }

    def _fixed_by_rules(self) -> list[tuple[str, str, object, object]]:
        """(rule, setting, value, the only value it may have) where a rule leaves no choice."""
        fixed: list[tuple[str, str, object, object]] = []
        if self.vote.rule == "imgfp":
            rule = "vote.rule='imgfp'"
            fixed += [
                (rule, f"vote.{item.name}", getattr(self.vote, item.name), getattr(IMGFP_VOTES, item.name))
                for item in fields(IMGFP_VOTES)
            ]
            fixed.append((rule, "index.kind", self.index.kind, "exact"))
        if self.match.score == "count":
            for key in ("tolerance", "model", "hypothesis_tolerance"):
                fixed.append(
                    ("match.score='count'", f"match.{key}", getattr(self.match, key), getattr(MatchConfig(), key))
                )
            if self.fusion.rule == "calibrated":
                fixed.append(("match.score='count'", "fusion.rule", self.fusion.rule, "sum"))
        if self.index.kind != "auto":
            fixed.append((f"index.kind={self.index.kind!r}", "index.memory_mb", self.index.memory_mb, None))
        if self.index.kind == "exact":
            fixed.append(("index.kind='exact'", "index.nprobe", self.index.nprobe, PROBES))
        if self.fusion.rule == "sum":
            fixed.append(("fusion.rule='sum'", "fusion.answers", self.fusion.answers, 1))
        if self.fusion.rule in ("verified", "similarity"):
            rule = f"fusion.rule={self.fusion.rule!r}"
            fixed += [(rule, f"fusion.weights.{name}", weight, 1.0) for name, weight in self.fusion.weights.items()]
        if self.fusion.rule != "calibrated":
            fixed.append((f"fusion.rule={self.fusion.rule!r}", "fusion.calibration", self.fusion.calibration, None))
        return fixed

    @property
    def extraction(self) -> Extraction:
        """What an index depends on."""
        return Extraction(self.sift, self.encoder)

    def with_extraction(self, extraction: Extraction) -> "Preset":
        """The same search of an index that was extracted otherwise."""
        return replace(self, sift=extraction.sift, encoder=extraction.encoder)
