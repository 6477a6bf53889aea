"""`evaluate/ablation.py` on a few photographs: each setting finds what it would find alone, and the table names it."""

import json
from dataclasses import replace

import pytest
from experiments import ROOT
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from imgfp.apps.ablation import DEFAULT, changed, compare_settings
from imgfp.apps.hydra_app import register_presets
from imgfp.errors import InputError
from imgfp.images import ImageList
from imgfp.local.index.neighbours import ExactIndex
from imgfp.local.store import FeatureStore
from imgfp.pipeline.presets import PRESETS
from imgfp.pipeline.run_config import RunConfig
from imgfp.pipeline.search import find
from imgfp.pipeline.stages.candidates import read_rows
from imgfp.pipeline.stages.score import read_evidence
from imgfp.studies.ablation import evidence_of_settings

CHANGES = ("vote.mirrored=false vote.k=4", "vote.damped=false", "views.upscale=1", "match.ratio=1.8")


def test_a_setting_finds_what_it_finds_alone(training_disc, tmp_path, one_process) -> None:
    queries, references = (ImageList.from_folder(training_disc / f"{name}_images") for name in ("query", "reference"))
    settings = {DEFAULT: PRESETS["default"]} | {change: changed(PRESETS["default"], change) for change in CHANGES}
    alone = {
        name: find(queries, references, tmp_path / str(number), RunConfig("default", preset, ("local",)))
        for number, (name, preset) in enumerate(settings.items())
    }
    sources = FeatureStore(tmp_path / "0" / "work" / "query_features"), alone[DEFAULT].reference_features
    found = evidence_of_settings(settings, sources[0], ExactIndex(sources[1]), sources[1], tmp_path / "shared")
    assert list(found) == list(settings)
    for name, (proposed, evidence) in found.items():
        stages = {stage.name: stage for stage in alone[name].stages}
        assert sorted(proposed.id_pairs()) == sorted(read_rows(stages["local candidates"]).id_pairs()), name
        assert evidence == read_evidence(stages["match scores"]), name
        assert len(evidence) > 5
    assert found["views.upscale=1"][1] != found[DEFAULT][1]
    assert found["match.ratio=1.8"][1] != found[DEFAULT][1]


def test_the_table_has_every_setting_on_both_sets(training_disc, tmp_path, capsys, one_process) -> None:
    OmegaConf.register_new_resolver("repo", lambda path: str(ROOT / path), replace=True)
    register_presets()
    given = {
        "data.root": training_disc,
        "paths.work": tmp_path / "work",
        "paths.mlruns": tmp_path / "mlruns",
        "out": tmp_path / "out",
        "sources": "null",
        "synthetic.references": 4,
        "synthetic.queries": 12,
        "synthetic.max_edits": 1,
        "changes": '["vote.candidates=1","fusion.rule=verified"]',
    }
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        config = compose("ablation", overrides=[f"{key}={value}" for key, value in given.items()])
    assert compare_settings(config) == 0
    table = capsys.readouterr().out
    figures = json.loads((tmp_path / "out" / "ablation.json").read_bytes())
    assert len(figures) == 2
    for part in figures.values():
        assert part.keys() == {DEFAULT, "vote.candidates=1", "fusion.rule=verified"}
        assert part[DEFAULT]["against"] is None
        assert part["vote.candidates=1"]["candidates"] <= part[DEFAULT]["candidates"] <= 1
        assert 0 < part[DEFAULT]["figures"]["uap"] <= 1
    assert "| `fusion.rule=verified` | " in table
    assert table.startswith((tmp_path / "out" / "ablation.md").read_text())
    config.branches = ["global"]
    with pytest.raises(InputError, match=r"^branches=\['global'\]: only the local branch is compared"):
        compare_settings(config)


def test_impossible_changes(tmp_path) -> None:
    assert changed(PRESETS["default"], "match.ratio=1.8 vote.damped=false").match.ratio == 1.8
    with pytest.raises(
        InputError, match=r"^changes: 'vote\.dampd=false': unknown config key 'vote\.dampd' \(did you mean"
    ):
        changed(PRESETS["default"], "vote.dampd=false")
    with pytest.raises(InputError, match=r"vote\.candidates=0: must be >= 1"):
        changed(PRESETS["default"], "vote.candidates=0")
    finer = replace(PRESETS["default"], views=replace(PRESETS["default"].views, upscale=3.0))
    with pytest.raises(InputError, match=r"^finer: only views\.upscale=1 and views\.aspect=1 are compared here"):
        evidence_of_settings({DEFAULT: PRESETS["default"], "finer": finer}, None, None, None, tmp_path)
