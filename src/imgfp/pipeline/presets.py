"""The named presets. Defined here and nowhere else; Hydra's config groups are made from these."""

from dataclasses import replace

from imgfp.descriptors import TopkConfig
from imgfp.fusion import FusionConfig
from imgfp.local.index.index_config import IndexConfig
from imgfp.local.sift.views import ONE_VIEW
from imgfp.local.verify import MatchConfig
from imgfp.pipeline.preset import IMGFP_VOTES, CropConfig, Preset, require_one_of

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
    require_one_of("preset", name, PRESETS)
    return PRESETS[name]


def with_index_kind(preset: Preset, kind: str | None) -> Preset:
    """The preset with a different descriptor index type; "auto" and None leave a preset that fixes its kind as it is."""
    if kind is None or (kind == "auto" and preset.vote.rule == "imgfp"):
        return preset
    return replace(preset, index=replace(preset.index, kind=kind))
