"""The rules of the architecture: who may import whom, and nothing that runs code from a data file."""

import ast
import tomllib
from pathlib import Path

import pytest
from setuptools import find_packages

PACKAGE = Path(__file__).resolve().parents[1] / "src" / "imgfp"
FLOORS = {
    "images": 0,
    "records": 0,
    "edits": 0,
    "metrics": 1,
    "encoders": 1,
    "local": 2,
    "descriptors": 2,
    "detection": 2,
    "mirror": 2,
    "fusion": 2,
    "learning": 3,
    "pipeline": 3,
    "tracking": 3,
    "reports": 3,
    "cli": 4,
}
MODULES = sorted(PACKAGE.rglob("*.py"))
DETECTOR = PACKAGE.parent / "imgfp_detector"
PICKLES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}


def imports(path: Path) -> set[str]:
    """Full names of all imported modules, also those imported inside functions; names imported from a package too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            assert node.module is not None
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return found


def room(path: Path) -> str | None:
    """The room of a module; None for a top-level module."""
    inside = path.relative_to(PACKAGE).parts
    return inside[0] if len(inside) > 1 else None


def rooms_imported(path: Path) -> set[str]:
    names = [name.split(".") for name in imports(path)]
    return {name[1] for name in names if name[0] == "imgfp" and len(name) > 1 and (PACKAGE / name[1]).is_dir()}


def importing(package: str) -> set[str]:
    return {
        path.relative_to(PACKAGE).as_posix()
        for path in MODULES
        if package in {name.split(".")[0] for name in imports(path)}
    }


def calls(path: Path) -> list[ast.Call]:
    return [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]


def test_the_package_was_found() -> None:
    assert {"images", "records", "metrics", "local"} <= {room(path) for path in MODULES}
    assert rooms_imported(PACKAGE / "metrics" / "isc.py") == {"records"}


def test_every_room_has_a_floor() -> None:
    assert {room(path) for path in MODULES} - {None} <= FLOORS.keys()


@pytest.mark.parametrize(
    "path", [path for path in MODULES if room(path)], ids=lambda path: path.relative_to(PACKAGE).as_posix()
)
def test_rooms_import_only_lower_floors(path: Path) -> None:
    here = room(path)
    assert here is not None
    wrong = {other for other in rooms_imported(path) if other != here and FLOORS[other] >= FLOORS[here]}
    assert not wrong, f"{here} (floor {FLOORS[here]}) imports {', '.join(sorted(wrong))}"


@pytest.mark.parametrize("path", [path for path in MODULES if not room(path)], ids=lambda path: path.name)
def test_ground_modules_import_no_room(path: Path) -> None:
    assert rooms_imported(path) == set()


def test_nothing_in_the_package_imports_tests_or_apps() -> None:
    for package in ("tests", "benchmarks", "evaluate", "train", "pytest", "hypothesis"):
        assert importing(package) == set()


def test_faiss_is_imported_in_one_module() -> None:
    assert importing("faiss") == {"faiss_loader.py"}


def test_mlflow_is_imported_in_tracking_only() -> None:
    assert {name.split("/")[0] for name in importing("mlflow")} == {"tracking"}


def test_heavy_packages_are_imported_in_one_module() -> None:
    assert len(importing("ray")) <= 1


def test_what_is_agpl_stays_in_its_own_distribution() -> None:
    assert importing("ultralytics") == importing("imgfp_detector") == set()
    users = {p.name for p in DETECTOR.glob("*.py") if "ultralytics" in {n.split(".")[0] for n in imports(p)}}
    assert users == {"library.py"}
    root = PACKAGE.parents[1]
    wanted = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]["find"]
    packages = find_packages(str(root / wanted["where"][0]), wanted["exclude"])
    assert "imgfp.detection" in packages
    assert not [name for name in packages if name.startswith("imgfp_detector")]
    own = tomllib.loads((DETECTOR / "pyproject.toml").read_text())["project"]
    assert own["license"] == "AGPL-3.0-only"
    assert "GNU AFFERO GENERAL PUBLIC LICENSE" in (DETECTOR / "LICENSE").read_text()


@pytest.mark.parametrize(
    "path", [*MODULES, *sorted(DETECTOR.glob("*.py"))], ids=lambda path: path.relative_to(PACKAGE.parent).as_posix()
)
def test_no_pickle(path: Path) -> None:
    assert not {name.split(".")[0] for name in imports(path)} & PICKLES
    for call in calls(path):
        name = ast.unparse(call.func)
        given = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
        line = f"{path}:{call.lineno}: {ast.unparse(call)}"
        assert given.get("allow_pickle", "False") == "False", line
        if name == "torch.load":
            assert given.get("weights_only") == "True", line
        assert name not in {"eval", "exec", "pd.read_pickle", "pandas.read_pickle", "yaml.load"}, line
