"""The Makefile and CI: the documented targets, one test command, nothing that names a place of this workplace."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TARGETS = ["env", "packages", "demo", "test", "test-fast", "check", "docs", "bench", "ui"]
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


# in the place of .venv/bin/python: writes its arguments down, and installs nothing
FAKE_PYTHON = """#!/bin/sh
echo "$*" >> calls
case "$*" in
*"pip install"*" uv" | "-m uv --version") exit ${NO_UV:-0} ;;
*"pip compile"*) exit ${NO_CPU_TORCH:-0} ;;
*"uv pip install"*) exit ${UV_FAILS:-0} ;;
*"pip freeze"*) printf 'faiss-gpu==1\\nnvidia-cublas-cu12==1\\nnumpy==1\\ntorch==1\\ntorchmetrics==1\\n' ;;
esac
"""


class Env:
    """A folder where `make env` runs with a fake .venv/bin/python and a fake nvidia-smi."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copy(ROOT / "Makefile", folder)
        for name in ("pyproject.toml", "constraints.txt", "src/imgfp_detector/pyproject.toml"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).touch()
        self.script(".venv/bin/python", FAKE_PYTHON)
        self.script("bin/nvidia-smi", "#!/bin/sh\necho 'NVIDIA-SMI has failed: no driver'\nexit 9\n")

    def script(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)

    def make(self, *arguments: str, **variables: str) -> tuple[list[str], list[str]]:
        """Runs `make env` as if the packages' files had changed: the lines it printed, and the installer's calls."""
        (self.folder / "calls").unlink(missing_ok=True)
        environment = {
            name: value for name, value in os.environ.items() if name not in ("GPU", "DETECTOR", "MAKEFLAGS")
        }
        environment["PATH"] = f"{self.folder / 'bin'}:{environment['PATH']}"
        done = subprocess.run(
            ["make", "-W", "pyproject.toml", "env", *arguments],
            cwd=self.folder, env=environment | variables, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        calls = (self.folder / "calls").read_text().splitlines()
        return done.stdout.splitlines(), [call for call in calls if call.startswith("-m") and "install" in call]

    def chosen(self) -> list[str]:
        return [path.name for path in (self.folder / ".venv").glob(".ready-*")]


@pytest.fixture
def env(tmp_path: Path) -> Env:
    return Env(tmp_path)


def test_env_without_a_gpu_takes_the_cpu_builds(env: Env) -> None:
    _, calls = env.make()
    assert env.chosen() == [".ready-1-0"]
    (install,) = [call for call in calls if "-e .[dev]" in call]
    assert install.startswith(
        "-m uv pip install --quiet --python .venv/bin/python --torch-backend cpu -c constraints.txt"
    )
    assert not any(call.endswith("faiss-gpu") for call in calls)


def test_env_says_where_the_cpu_build_of_torch_is_unreachable(env: Env) -> None:
    said, calls = env.make(NO_CPU_TORCH="1")
    assert "the CPU build of torch is unreachable, using the ordinary build (4 GB more)" in said
    assert not any("--torch-backend" in call for call in calls)
    assert any(call.startswith("-m uv pip install") for call in calls)


@pytest.mark.parametrize(
    ("broken", "line"), [("NO_UV", "uv unavailable, using pip"), ("UV_FAILS", "uv failed, using pip")]
)
def test_env_uses_pip_where_uv_does_not_work(env: Env, broken: str, line: str) -> None:
    said, calls = env.make(**{broken: "1"})
    assert line in said
    install = [call for call in calls if "-e .[dev]" in call][-1]
    assert install.startswith("-m pip install --quiet")


def test_env_with_a_gpu_replaces_faiss_cpu_and_is_remembered(env: Env) -> None:
    env.script("bin/nvidia-smi", "#!/bin/sh\necho 'GPU 0: NVIDIA H100 (UUID: GPU-1)'\n")
    _, calls = env.make("DETECTOR=0")
    assert env.chosen() == [".ready-0-1"]
    assert [call for call in calls if "faiss" in call][-2:] == [
        "-m pip uninstall -qq --yes faiss-cpu faiss-gpu",
        "-m uv pip install --quiet --python .venv/bin/python -c constraints.txt faiss-gpu",
    ]
    (env.folder / "bin" / "nvidia-smi").unlink()
    env.make()
    assert env.chosen() == [".ready-0-1"]
    env.make("GPU=0")
    assert env.chosen() == [".ready-0-0"]


def test_env_removes_what_another_choice_of_gpu_needed_and_only_then(env: Env) -> None:
    removal = "-m pip uninstall -qq --yes faiss-gpu nvidia-cublas-cu12 torch"
    (env.folder / ".venv" / ".ready-1").touch()  # of a version that did not ask for a GPU
    assert removal in env.make()[1]
    assert removal not in env.make()[1]
    assert removal in env.make("GPU=1")[1]


def test_a_value_other_than_0_and_1_is_refused() -> None:
    done = subprocess.run(["make", "-n", "env", "GPU=yes"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.strip().endswith("GPU=yes: give 0 or 1.  Stop.")


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
