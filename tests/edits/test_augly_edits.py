"""AugLy's edits are there when AugLy works and silently absent when it does not."""

import builtins

import pytest

from imgfp.edits import augly_catalogue, augly_edits


@pytest.mark.parametrize("error", [ImportError("failed to find libmagic"), OSError("cannot load libmagic.so")])
def test_missing_libmagic_gives_an_empty_catalogue(monkeypatch, error):
    real_import = builtins.__import__

    def without_augly(name, *arguments, **keywords):
        if name.startswith("augly"):
            raise error
        return real_import(name, *arguments, **keywords)

    augly_edits._augly.cache_clear()
    try:
        with monkeypatch.context() as patch:
            patch.setattr(builtins, "__import__", without_augly)
            assert augly_catalogue() == {}
    finally:
        augly_edits._augly.cache_clear()


def test_names_are_sorted_and_say_augly():
    names = list(augly_catalogue())
    assert names == sorted(names)
    assert all(name.startswith("augly_") for name in names)
