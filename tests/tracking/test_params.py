"""Nested configurations become flat params."""

from pathlib import Path

import pytest
from omegaconf import OmegaConf

from imgfp.tracking import flatten
from imgfp.tracking.params import LONGEST_VALUE


def test_nested_keys_are_dotted_and_values_read_as_yaml() -> None:
    config = {"index": {"k": 5, "exact": True, "deep": {"x": 0.1}}, "note": "a b", "limit": None, "empty": {}}
    assert flatten(config) == {
        "index.k": "5",
        "index.exact": "true",
        "index.deep.x": "0.1",
        "note": "a b",
        "limit": "null",
        "empty": "{}",
    }


def test_lists_and_paths_stay_one_value() -> None:
    assert flatten({"sizes": [1, 2], "root": Path("/data/x")}) == {"sizes": "[1, 2]", "root": "/data/x"}


def test_a_hydra_config_flattens_like_a_dict() -> None:
    config = {"encoder": {"name": "gist", "sizes": [256, {"a": 1}]}}
    assert flatten(OmegaConf.create(config)) == flatten(config)


def test_a_long_value_is_cut_and_says_so() -> None:
    text = flatten({"queries": ["Q00000"] * 2000})["queries"]
    assert len(text) == LONGEST_VALUE
    assert text.endswith("config.yaml)")


def test_characters_that_mlflow_refuses_are_replaced() -> None:
    assert flatten({"db@train": {"lr": 1}}) == {"db_train.lr": "1"}


def test_keys_that_meet_are_refused() -> None:
    with pytest.raises(ValueError, match=r"map to the param 'a\.b'"):
        flatten({"a": {"b": 1}, "a.b": 2})
