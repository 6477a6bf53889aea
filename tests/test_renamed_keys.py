"""Settings of earlier versions, each refused with what to use instead."""

from dataclasses import asdict, fields

from imgfp.apps.recipe_config import GROUPS
from imgfp.apps.schemas import SCHEMAS
from imgfp.datasets.synthetic import SyntheticConfig
from imgfp.detection import SynthesisConfig
from imgfp.pipeline.presets import PRESETS
from imgfp.renamed_keys import RENAMED, old_settings, renamed


def test_every_new_name_is_a_key() -> None:
    sections = {**GROUPS, "scenes": {"default": SynthesisConfig()}, "synthetic": {"default": SyntheticConfig()}}
    sections |= {name: {"default": value} for name, value in vars(PRESETS["default"]).items()}
    known = {f"{name}.{key}" for name, kinds in sections.items() for kind in kinds.values() for key in asdict(kind)}
    known |= {field.name for kind in SCHEMAS.values() for field in fields(kind)}
    assert set(RENAMED.values()) <= known


def test_a_renamed_key_below_a_preset() -> None:
    assert renamed("preset.imgfp.vote.images") == (
        "'preset.imgfp.vote.images' was renamed: use 'preset.imgfp.vote.candidates'"
    )
    assert renamed("vote.distinctive") == "'vote.distinctive' was removed: leave it out, the term is always on"
    assert renamed("vote.k") is None


def test_old_stored_settings() -> None:
    stored = {"vote": {"images": 3, "k": 2}, "match": {"model": "homography"}, "index": {"kind": "ivf_rabitq"}}
    assert list(old_settings(stored)) == [
        "'vote.images' was renamed: use 'vote.candidates'",
        "match.model=homography was removed: give affine or similarity",
        "index.kind=ivf_rabitq was removed: give auto, exact, ivf_sq8, ivf_pq24 or ivf_pq16",
    ]
    assert not list(old_settings({"match": {"model": "affine"}, "index": {"kind": "exact"}}))
