"""The Makefile and CI: the documented targets, one test command, nothing that names a place of this workplace."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TARGETS = ["env", "packages", "demo", "test", "test-fast", "check", "bench", "ui"]
# written apart, so that this file does not name them itself
REGISTRIES = [
    "pypi" + ".org",
    "pythonhosted" + ".org",
    "artifact" + "ory",
    "--index" + "-url",
    "--extra-index" + "-url",
]


def make(*arguments: str) -> str:
    return subprocess.run(["make", "-n", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout


def tracked_texts() -> dict[str, str]:
    """Files that are tracked, or would be at the next commit."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    texts = {}
    for name in listed.stdout.splitlines():
        try:
            texts[name] = (ROOT / name).read_text(encoding="utf-8")
        except (UnicodeDecodeError, FileNotFoundError):
            continue
    return texts


def test_targets_are_there_and_none_is_a_file() -> None:
    text = (ROOT / "Makefile").read_text()
    assert re.search(r"^\.PHONY: (.*)$", text, re.MULTILINE)[1].split() == TARGETS
    assert set(TARGETS) <= set(re.findall(r"^([a-z-]+):", text, re.MULTILINE))


def test_demo_passes_its_data_on() -> None:
    assert "imgfp demo --out 'outputs/demo' --data 'some/folder'" in " ".join(make("demo", "DATA=some/folder").split())
    assert "--data" not in make("demo")
    assert "imgfp demo --out 'elsewhere'" in make("demo", "OUT=elsewhere")


def test_ci_runs_the_checks_and_then_the_test_command_of_the_readme() -> None:
    script = (ROOT / ".ci" / "run").read_text()
    lines = [line for line in script.splitlines() if line and not line.startswith("#")]
    assert lines[-2:] == ["make check", "make test"]
    assert "export IMGFP_REQUIRE_SHARED=1" in lines
    assert "set -euo pipefail" in lines
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111
    assert "make test" in (ROOT / "README.md").read_text()
    assert "pytest" in make("test")
    assert all(word in make("check") for word in ("ruff format --check", "ruff check", "mypy"))


def test_no_file_names_a_registry_or_a_folder_of_one_machine() -> None:
    texts = tracked_texts()
    assert {"Makefile", "constraints.txt", "pyproject.toml"} <= set(texts)
    for name, text in texts.items():
        for word in [*REGISTRIES, "/wo" + "rk/"]:
            assert word not in text, f"{name} names {word}"


def test_constraints_are_exact_versions() -> None:
    lines = [line.split("#")[0].strip() for line in (ROOT / "constraints.txt").read_text().splitlines()]
    wrong = [line for line in lines if line and not re.fullmatch(r"[A-Za-z0-9_.\-]+==[^=\s;]+( *;.*)?", line)]
    assert wrong == []
