"""The program itself: help, usage, installation problems, errors in one line."""

import importlib.metadata
import subprocess
import sys
from pathlib import Path

import pytest

from imgfp import install_check
from imgfp.cli.main import build_parser
from imgfp.install_check import installation_problems

COMMANDS = [
    "find",
    "index",
    "search",
    "duplicates",
    "pairs",
    "evaluate",
    "crop",
    "sift",
    "vote",
    "describe",
    "topk",
    "score",
    "merge",
    "mirror",
    "convert-mirror",
    "convert-pickle",
    "export",
    "demo",
    "study",
]


def test_every_command_is_there(imgfp) -> None:
    said = imgfp("--help")
    assert said.code == 0
    assert "example: imgfp find suspects/ archive/ --out result" in said.out
    listed = [line.split()[0] for line in said.out.splitlines() if line.startswith("    ") and line[4] != " "]
    assert listed == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example_that_parses(imgfp, command: str) -> None:
    said = imgfp(command, "--help")
    assert said.code == 0
    example = " ".join(said.out.partition("example: ")[2].split())
    assert example.startswith(f"imgfp {command}")
    assert build_parser().parse_args(example.split()[1:]).command == command


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ([], "imgfp: the following arguments are required: COMMAND (try 'imgfp --help')"),
        (["find", "a", "b"], "imgfp find: the following arguments are required: --out (try 'imgfp find --help')"),
        (["find", "a"], "imgfp find: the following arguments are required: REFERENCES, --out (try 'imgfp find --help')"),
        (["topk", "a.h5", "-k", "two", "--out", "x"], "imgfp topk: argument -k: invalid int value: 'two' (try 'imgfp topk --help')"),
        (["evaluate", "a", "b", "--jsn"], "imgfp: unrecognized arguments: --jsn (try 'imgfp --help')"),
    ],
)  # fmt: skip
def test_one_line_error_and_exit_2_for_bad_usage(imgfp, arguments: list[str], line: str) -> None:
    said = imgfp(*arguments)
    assert (said.code, said.out, said.errors) == (2, "", [line])


def test_an_unknown_command_lists_the_known_ones(imgfp) -> None:
    said = imgfp("serach")
    assert said.code == 2
    assert len(said.errors) == 1
    assert "invalid choice: 'serach'" in said.errors[0]
    assert "search" in said.errors[0].partition("choose from")[2]


def test_ctrl_c_says_how_to_resume(imgfp, monkeypatch, tmp_path) -> None:
    def interrupted(path: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("imgfp.images.ImageList.open", interrupted)
    said = imgfp("find", tmp_path, tmp_path, "--out", tmp_path / "out")
    assert said.code == 130
    assert said.errors == ["imgfp find: interrupted; rerun the same command to resume"]


def test_the_installed_program_gives_exit_codes(tmp_path) -> None:
    program = Path(sys.executable).with_name("imgfp")
    done = subprocess.run(
        [program, "evaluate", tmp_path / "no.csv", tmp_path / "gt.csv"], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert (
        done.stderr
        == f"imgfp evaluate: {tmp_path / 'gt.csv'}: no such file: give a CSV with the header query_id,reference_id\n"
    )
    assert done.stdout == ""


def test_help_is_quick_because_it_loads_no_network() -> None:
    code = "import sys, imgfp.cli.main as m; m.build_parser(); print(sorted({'torch', 'mlflow', 'cv2', 'numba'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.fixture
def installed(monkeypatch):
    """Pretends that exactly these packages are installed."""

    def pretend(**versions: str) -> None:
        def version(name: str) -> str:
            if name.replace("-", "_") not in versions:
                raise importlib.metadata.PackageNotFoundError(name)
            return versions[name.replace("-", "_")]

        monkeypatch.setattr(install_check.importlib.metadata, "version", version)

    return pretend


def test_a_clean_installation_has_no_problem(installed) -> None:
    assert installation_problems() == []
    installed(faiss_cpu="1.0", opencv_python="2.0")
    assert installation_problems() == []


@pytest.mark.parametrize(
    ("listed", "kept"), [(None, "faiss-cpu==1.9.0"), ("No devices", "faiss-cpu==1.9.0"), ("GPU 0", "faiss-gpu==1.8.0")]
)
def test_packages_that_overwrite_each_other_are_named_with_the_repair(
    installed, imgfp, monkeypatch, tmp_path, listed, kept
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    if listed is not None:
        (tmp_path / "nvidia-smi").write_text(f"#!/bin/sh\necho '{listed}'\n")
        (tmp_path / "nvidia-smi").chmod(0o755)
    installed(faiss_cpu="1.9.0", faiss_gpu="1.8.0")
    (line,) = installation_problems()
    assert line == (
        "faiss-cpu and faiss-gpu are both installed and overwrite each other's folder 'faiss': fix it with "
        f"'{sys.executable} -m pip uninstall -y faiss-cpu faiss-gpu && "
        f"{sys.executable} -m pip install --no-deps {kept}'"
    )
    assert imgfp("--help").errors == [f"imgfp: {line}"]


def test_every_opencv_wheel_is_known(installed) -> None:
    names = ["opencv_python", "opencv_python_headless", "opencv_contrib_python", "opencv_contrib_python_headless"]
    for name in names[:3]:
        installed(**{name: "4.1", "opencv_contrib_python_headless": "4.2"})
        (line,) = installation_problems()
        assert name.replace("_", "-") in line.partition(" are both")[0]
        assert line.endswith("install --no-deps opencv-contrib-python-headless==4.2'")
    installed(opencv_python="4.1", faiss_cpu="1", faiss_gpu="1", opencv_contrib_python="4.3")
    assert [line.partition(" are both")[0] for line in installation_problems()] == [
        "faiss-cpu and faiss-gpu",
        "opencv-contrib-python and opencv-python",
    ]
