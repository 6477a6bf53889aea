"""The rules of the architecture: who may import whom, and nothing that runs code from a data file."""

import ast
import tomllib
from functools import cache
from pathlib import Path

from setuptools import find_packages

SOURCES = Path(__file__).resolve().parents[1] / "src"
PACKAGE, DETECTOR = SOURCES / "imgfp", SOURCES / "imgfp_detector"
LAYERS = (
    ("images", "records", "edits"),
    ("metrics", "encoders"),
    ("local", "descriptors", "detection", "mirror", "fusion"),
    ("datasets", "pipeline"),
    ("learning", "tracking", "reports"),
    ("studies", "api"),
    ("serve", "cli", "apps"),
)
LAYER_OF = {name: layer for layer, names in enumerate(LAYERS) for name in names}
MODULES = sorted(PACKAGE.rglob("*.py"))
BOTH = [*MODULES, *sorted(DETECTOR.rglob("*.py"))]
PICKLES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(ast.parse(path.read_text())))


@cache
def imports(path: Path) -> set[str]:
    """Full names of all imported modules, also those imported inside functions; names imported from a package too."""
    found = set()
    for node in nodes(path):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            assert node.module is not None
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return found


def package(path: Path) -> str | None:
    """The package of a module of imgfp; None for a top-level module."""
    inside = path.relative_to(PACKAGE).parts
    return inside[0] if len(inside) > 1 else None


def packages_imported(path: Path) -> set[str]:
    names = [name.split(".") for name in imports(path)]
    return {name[1] for name in names if name[0] == "imgfp" and len(name) > 1 and (PACKAGE / name[1]).is_dir()}


def module_name(path: Path) -> str:
    name = path.relative_to(SOURCES).with_suffix("").as_posix().replace("/", ".")
    return name.removesuffix(".__init__")


def import_graph() -> dict[str, set[str]]:
    """Which modules of both distributions each one imports; a package only where a name that its `__init__` holds is taken."""
    names = {module_name(path) for path in BOTH}
    graph: dict[str, set[str]] = {name: set() for name in names}
    for path in BOTH:
        for node in nodes(path):
            if isinstance(node, ast.Import):
                graph[module_name(path)] |= {alias.name for alias in node.names} & names
            elif isinstance(node, ast.ImportFrom):
                full = {f"{node.module}.{alias.name}" for alias in node.names}
                graph[module_name(path)] |= {name if name in names else str(node.module) for name in full} & names
    return graph


def importing(library: str) -> set[str]:
    return {
        path.relative_to(PACKAGE).as_posix()
        for path in MODULES
        if library in {name.split(".")[0] for name in imports(path)}
    }


def calls(path: Path) -> list[ast.Call]:
    return [node for node in nodes(path) if isinstance(node, ast.Call)]


def test_the_package_was_found() -> None:
    assert {"images", "records", "metrics", "local"} <= {package(path) for path in MODULES}
    assert packages_imported(PACKAGE / "metrics" / "isc.py") == {"records"}


def test_every_package_has_a_layer() -> None:
    assert {package(path) for path in MODULES} - {None} <= LAYER_OF.keys()


def test_packages_import_only_lower_layers() -> None:
    wrong = [
        f"{path.relative_to(SOURCES)} (layer {LAYER_OF[here]}) imports {other} (layer {LAYER_OF[other]})"
        for path in MODULES
        if (here := package(path))
        for other in packages_imported(path)
        if other != here and LAYER_OF[other] >= LAYER_OF[here]
    ]
    assert not wrong


def test_top_level_modules_import_no_package() -> None:
    top = [path for path in MODULES if not package(path) and path.name != "__init__.py"]
    assert not {path.name: packages_imported(path) for path in top if packages_imported(path)}


def test_there_is_no_import_cycle() -> None:
    graph = import_graph()
    while leaves := {name for name, wanted in graph.items() if not wanted & graph.keys()}:
        graph = {name: wanted for name, wanted in graph.items() if name not in leaves}
    assert not graph, f"a circle among {', '.join(sorted(graph))}"


def test_nothing_in_the_package_imports_tests_or_apps() -> None:
    for name in ("tests", "benchmarks", "evaluate", "train", "pytest", "hypothesis"):
        assert importing(name) == set()


def test_faiss_is_imported_in_one_module() -> None:
    assert importing("faiss") == {"faiss_loader.py"}


def test_mlflow_is_imported_in_tracking_only() -> None:
    assert {name.split("/")[0] for name in importing("mlflow")} == {"tracking"}


def test_what_is_agpl_stays_in_its_own_distribution() -> None:
    assert importing("ultralytics") == importing("imgfp_detector") == set()
    assert not [path for path in MODULES if "imgfp_detector" in path.read_text()]  # found by an entry point
    users = {p.name for p in DETECTOR.glob("*.py") if "ultralytics" in {n.split(".")[0] for n in imports(p)}}
    assert users == {"library.py"}
    root = SOURCES.parent
    wanted = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]["find"]
    packages = find_packages(str(root / wanted["where"][0]), wanted["exclude"])
    assert "imgfp.detection" in packages
    assert not [name for name in packages if name.startswith("imgfp_detector")]
    own = tomllib.loads((DETECTOR / "pyproject.toml").read_text())["project"]
    assert own["license"] == "AGPL-3.0-only"
    assert "GNU AFFERO GENERAL PUBLIC LICENSE" in (DETECTOR / "LICENSE").read_text()


def runs_code_from_data(call: ast.Call) -> bool:
    name = ast.unparse(call.func)
    given = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
    return (
        given.get("allow_pickle", "False") != "False"
        or (name == "torch.load" and given.get("weights_only") != "True")
        or name in {"eval", "exec", "pd.read_pickle", "pandas.read_pickle", "yaml.load"}
    )


def test_no_pickle() -> None:
    assert BOTH
    assert not [path for path in BOTH if {name.split(".")[0] for name in imports(path)} & PICKLES]
    assert not [
        f"{path}:{call.lineno}: {ast.unparse(call)}"
        for path in BOTH
        for call in calls(path)
        if runs_code_from_data(call)
    ]
    for text in ("np.load(f, allow_pickle=True)", "torch.load(f)", "torch.load(f, weights_only=False)", "eval(t)"):
        (expression,) = ast.parse(text).body
        assert isinstance(expression, ast.Expr)
        assert isinstance(expression.value, ast.Call)
        assert runs_code_from_data(expression.value), text
