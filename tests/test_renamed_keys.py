"""Settings of earlier versions, each refused with what to use instead."""

import re
from dataclasses import asdict, fields
from pathlib import Path

from imgfp.apps.recipe_config import GROUPS
from imgfp.apps.schemas import SCHEMAS
from imgfp.datasets.synthetic import SyntheticConfig
from imgfp.detection import SynthesisConfig
from imgfp.pipeline.presets import PRESETS
from imgfp.renamed_keys import RENAMED, old_settings, renamed

ROOT = Path(__file__).resolve().parents[1]


def test_every_new_name_is_a_key() -> None:
    sections = {**GROUPS, "scenes": {"default": SynthesisConfig()}, "synthetic": {"default": SyntheticConfig()}}
    sections |= {name: {"default": value} for name, value in vars(PRESETS["default"]).items()}
    known = {f"{name}.{key}" for name, kinds in sections.items() for kind in kinds.values() for key in asdict(kind)}
    known |= {field.name for kind in SCHEMAS.values() for field in fields(kind)}
    assert set(RENAMED.values()) <= known


def test_no_page_names_an_old_key() -> None:
    for page in (*ROOT.glob("docs/**/*.md"), ROOT / "README.md", *ROOT.glob("conf/**/*.yaml")):
        named = set(re.findall(r"(?<![\w.])[a-z_]+\.[a-z_]+\b(?!\.?\w|/)", page.read_text()))
        assert not named & RENAMED.keys(), page


def test_a_renamed_key_below_a_preset() -> None:
    assert renamed("preset.imgfp.vote.images") == (
        "'preset.imgfp.vote.images' was renamed: use 'preset.imgfp.vote.candidates'"
    )
    assert renamed("vote.distinctive") == "'vote.distinctive' was removed: leave it out, the term is always on"
    assert renamed("vote.k") is None


def test_old_stored_settings() -> None:
    stored = {"vote": {"images": 3, "k": 2}, "match": {"model": "homography"}}
    assert list(old_settings(stored)) == [
        "'vote.images' was renamed: use 'vote.candidates'",
        "match.model=homography was removed: give affine or similarity",
    ]
    assert not list(old_settings({"match": {"model": "affine"}}))
