"""What a run does where the compiled extractor cannot be used."""

import sys
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from imgfp.local.features import LocalFeatures
from imgfp.local.sift.extractor_check import compiled_fault, difference, make_test_plane, usable_extractor
from imgfp.local.sift.sift import SiftConfig, sift_of_plane

COMPILED, PYCOLMAP = SiftConfig(extractor="compiled"), SiftConfig(extractor="pycolmap")


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    compiled_fault.cache_clear()
    yield
    compiled_fault.cache_clear()


def break_find(monkeypatch: pytest.MonkeyPatch, change) -> None:
    import imgfp.local.sift.compiled_sift as module

    found = module.find_and_describe(make_test_plane(), 5, 7, 0.5, 10.0, 4)
    monkeypatch.setattr(module, "find_and_describe", lambda *_: change(*found))


def test_the_default_is_ours_and_it_works_here() -> None:
    assert SiftConfig().extractor == "compiled"
    assert compiled_fault() is None
    assert usable_extractor(COMPILED) == (COMPILED, None)
    assert usable_extractor(PYCOLMAP) == (PYCOLMAP, None)


def test_missing_keypoints_are_noticed(monkeypatch) -> None:
    break_find(monkeypatch, lambda keypoints, descriptors: (keypoints[3:], descriptors[3:]))
    config, fault = usable_extractor(replace(COMPILED, side=200))
    assert config == replace(PYCOLMAP, side=200)
    assert fault is not None
    assert "of the test image's keypoints match pycolmap's, expected 99%" in fault


def test_other_descriptors_are_noticed(monkeypatch) -> None:
    break_find(monkeypatch, lambda keypoints, descriptors: (keypoints, descriptors[:, ::-1]))
    assert "expected at most 300" in (compiled_fault() or "")


def test_an_image_without_keypoints_is_no_evidence() -> None:
    features = sift_of_plane(make_test_plane(), PYCOLMAP)
    none = LocalFeatures.none(128, 128)
    assert difference(features, features) is None
    assert difference(none, none) == "0 keypoints in the test image, pycolmap finds 0"


def test_a_compiler_that_fails_is_a_reason(monkeypatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("cannot cache function:\n no place")

    monkeypatch.setattr("imgfp.local.sift.compiled_sift.find_and_describe", fail)
    assert usable_extractor(COMPILED) == (PYCOLMAP, "RuntimeError: cannot cache function: no place")


def test_numba_that_is_not_there_is_a_reason(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "imgfp.local.sift.compiled_sift", None)
    assert "ImportError" in (compiled_fault() or "") or "ModuleNotFoundError" in (compiled_fault() or "")


def test_the_check_runs_once(monkeypatch) -> None:
    calls = []

    def fail(*_: object) -> None:
        calls.append(1)
        raise ValueError

    monkeypatch.setattr("imgfp.local.sift.compiled_sift.find_and_describe", fail)
    assert usable_extractor(COMPILED)[0] == usable_extractor(COMPILED)[0] == PYCOLMAP
    assert len(calls) == 1


def test_the_extractors_differ_in_bytes() -> None:
    """So the choice must be part of a stage's settings."""
    ours, theirs = (sift_of_plane(make_test_plane(), config) for config in (COMPILED, PYCOLMAP))
    assert len(ours) == len(theirs)
    assert not np.array_equal(ours.descriptors, theirs.descriptors)
