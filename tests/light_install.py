"""Runs imgfp commands where only the base dependencies can be imported: python light_install.py < list of argument lists (JSON).

Prints a list of [exit code, standard output, standard error] (JSON). Packages of other extras are hidden from the import
system, as if they were not installed; in one process, so that nothing is imported elsewhere.
"""

import contextlib
import importlib.metadata
import io
import json
import re
import sys
import tomllib
from importlib.machinery import PathFinder
from pathlib import Path

from one_process import OneProcess
from packaging.requirements import Requirement

PYPROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"


def base_packages() -> set[str]:
    """The base dependencies and what those require, by their normalised names."""
    waiting = [Requirement(line) for line in tomllib.loads(PYPROJECT.read_text())["project"]["dependencies"]]
    found: set[tuple[str, str]] = set()
    while waiting:
        requirement = waiting.pop()
        for extra in {"", *requirement.extras}:
            if (key := (normalised(requirement.name), extra)) not in found:
                found.add(key)
                with contextlib.suppress(importlib.metadata.PackageNotFoundError):  # faiss-gpu in place of faiss-cpu
                    lines = importlib.metadata.requires(requirement.name) or []
                    needed = [Requirement(line) for line in lines]
                    waiting += [item for item in needed if not item.marker or item.marker.evaluate({"extra": extra})]
    return {name for name, _ in found}


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def hidden_modules() -> set[str]:
    """Top-level modules that only packages beyond the base install."""
    base = base_packages() | {"faiss-gpu"}
    owners = importlib.metadata.packages_distributions()
    return {
        module
        for module, names in owners.items()
        if not module.startswith("imgfp") and base.isdisjoint(map(normalised, names))
    }


HIDDEN = hidden_modules()


class BasePackages(PathFinder):
    """The import system's own finder, which does not see the hidden modules."""

    @classmethod
    def find_spec(cls, fullname, path=None, target=None):
        return None if fullname.partition(".")[0] in HIDDEN else super().find_spec(fullname, path, target)


def run(main, arguments: list[str]) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main(arguments)
        except SystemExit as end:
            code = end.code
    return code, out.getvalue(), err.getvalue()


if __name__ == "__main__":
    for name in [name for name in sys.modules if name.partition(".")[0] in HIDDEN]:
        del sys.modules[name]
    sys.meta_path[:] = [BasePackages if finder is PathFinder else finder for finder in sys.meta_path]
    import imgfp.pipeline.stages.features
    from imgfp.cli.main import main

    imgfp.pipeline.stages.features.SiftPool = OneProcess
    said = [run(main, arguments) for arguments in json.load(sys.stdin)]
    loaded = {name.partition(".")[0] for name in sys.modules} & HIDDEN
    json.dump({"said": said, "loaded": sorted(loaded), "hidden": sorted(HIDDEN)}, sys.stdout)
