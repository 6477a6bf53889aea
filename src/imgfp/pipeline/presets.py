"""Presets: every choice of a run in one typed value. Defined here and nowhere else; Hydra's groups are made from these."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace

from imgfp.descriptors import TopkConfig
from imgfp.detection import FINDERS
from imgfp.encoders import EMBEDDED, EncoderConfig
from imgfp.errors import InputError
from imgfp.fusion import FusionConfig
from imgfp.local.index.index_config import CHOICES, DEVICES, PROBES, IndexConfig
from imgfp.local.sift.sift import EXTRACTORS, SiftConfig
from imgfp.local.sift.views import ONE_VIEW, ViewsConfig
from imgfp.local.verify import MODELS, MatchConfig
from imgfp.local.vote import VoteConfig

BRANCHES = ("local", "global", "crop")
CROP_RULES = ("default", "imgfp")
IMGFP_VOTES = VoteConfig(rule="imgfp", k=1, candidates=1, mirrored=False, inverted=False, damped=False)


def _one_of(key: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise InputError(f"{key}={value!r}: give one of {', '.join(allowed)}")


@dataclass(frozen=True)
class CropConfig:
    """Which parts of a query the branch "crop" looks up by themselves: pictures that were pasted into it.

    Attributes:
        finder: Who looks for them: learned, classical, or auto (the learned one where it is installed).
        weights: File of train/detector.py for the learned one; null: those that are shipped.
        rules: "default": up to three crops, looked up beside the query. "imgfp": at most one by each of its two limits; the
            descriptor is that of the crop in place of the query.
    """

    finder: str = "auto"
    weights: str | None = None
    rules: str = "default"


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
        _one_of("sift.extractor", self.sift.extractor, EXTRACTORS)
        _one_of("vote.rule", self.vote.rule, ("imgfp", "weighted"))
        _one_of("match.score", self.match.score, ("count", "inliers"))
        _one_of("fusion.rule", self.fusion.rule, ("sum", "verified", "calibrated", "similarity"))
        _one_of("crop.finder", self.crop.finder, FINDERS)
        _one_of("crop.rules", self.crop.rules, CROP_RULES)
        for name, weight in self.fusion.weights.items():
            _one_of("fusion.weights", name, BRANCHES)
            if not 0 <= weight < math.inf:
                raise InputError(f"fusion.weights.{name}={weight}: give a number from 0 on")
        if not any(self.fusion.weights.values()):
            raise InputError("fusion.weights: all are 0: give one of them a weight")
        _one_of("index.kind", self.index.kind, CHOICES)
        _one_of("index.device", self.index.device, DEVICES)
        for key, value in self._at_least_one().items():
            if value is not None and value < 1:
                raise InputError(f"{key}={value}: give 1 or more")
        for key, factor in {"views.upscale": self.views.upscale, "views.aspect": self.views.aspect}.items():
            if not 1 <= factor <= 4:
                raise InputError(f"{key}={factor}: give a number from 1 (no such view) to 4")
        for key, number in {
            "match.ratio": self.match.ratio,
            "match.tolerance": self.match.tolerance,
            "match.hypothesis_tolerance": self.match.hypothesis_tolerance,
            "encoder.gem_p": self.encoder.gem_p,
        }.items():
            if number is not None and not number > 0:
                raise InputError(f"{key}={number}: give a number above 0")
        _one_of("match.model", self.match.model, MODELS)
        if self.vote.rule == "weighted" and self.vote.k < 2:
            raise InputError(f"vote.k={self.vote.k}: weights need k = 2 or more")
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


PRESETS = {
    "default": Preset(),
    "imgfp": Preset(
        views=ONE_VIEW,
        vote=IMGFP_VOTES,
        topk=TopkConfig(k=1),
        match=MatchConfig(score="count", ratio=1.8, inverted=False),
        fusion=FusionConfig(rule="sum"),
        index=IndexConfig(kind="exact"),
        crop=CropConfig(rules="imgfp"),
    ),
}


def preset_named(name: str) -> Preset:
    """The preset of that name; InputError that lists the names otherwise."""
    _one_of("preset", name, tuple(PRESETS))
    return PRESETS[name]


def with_index_kind(preset: Preset, kind: str | None) -> Preset:
    """The preset with another kind of descriptor index; "auto" and None leave a preset that fixes its kind as it is."""
    if kind is None or (kind == "auto" and preset.vote.rule == "imgfp"):
        return preset
    return replace(preset, index=replace(preset.index, kind=kind))


def parse_branches(given: str | Iterable[str]) -> tuple[str, ...]:
    """ "local,global", or a list of names, to its parts, in the order of BRANCHES.

    Raises:
        InputError: another name, or none.
    """
    text = given if isinstance(given, str) else ",".join(map(str, given))
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        _one_of("branch", name, BRANCHES)
    if not names:
        raise InputError(f"branches={text!r}: give one or more of {', '.join(BRANCHES)}")
    return tuple(name for name in BRANCHES if name in names)


def indexed(branches: tuple[str, ...]) -> tuple[str, ...]:
    """What an index must hold for these branches: crops are parts of queries and ask for no more than "local" does."""
    wanted = {"local" if name == "crop" else name for name in branches}
    return tuple(name for name in BRANCHES if name in wanted)


def needs_features(preset: Preset, branches: tuple[str, ...]) -> bool:
    """Whether local features are wanted: by the local branch, and to rate candidates by their matches.

    Raises:
        InputError: the local branch with the rule that has no use for it.
    """
    if preset.fusion.rule == "similarity" and "local" in indexed(branches):
        raise InputError(
            "fusion.rule='similarity' rates no candidates of local and crop: give branches=[global], or rule 'calibrated'"
        )
    return preset.fusion.rule != "similarity"


def refuse_idle_background(preset: Preset, branches: tuple[str, ...]) -> None:
    """Raises InputError where a background set would change nothing."""
    if "global" not in branches or preset.fusion.rule == "sum":
        raise InputError(
            "a background set has no effect without the global branch, nor with preset imgfp, "
            "which ranks by matches alone: leave it out, or take preset default"
        )


def stand_in_note(preset_name: str, preset: Preset, branches: tuple[str, ...]) -> str | None:
    """What a run under preset imgfp must say while imgFp's own descriptor network is not at hand."""
    embedded = preset.encoder.name == EMBEDDED and preset.encoder.weights is None
    if preset_name != "imgfp" or "global" not in branches or not embedded:
        return None
    return (
        "preset imgfp: imgFp's descriptor network (EsViT, fine-tuned) is in no package; "
        f"the embedded encoder {EMBEDDED} takes its place in the global branch"
    )
