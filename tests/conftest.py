"""Shared material of the workplace (golden data, isc-mini), and quiet libraries.

Parity cases are discovered from the files at collection. Where the material is missing a test is skipped with a reason,
or fails where IMGFP_REQUIRE_SHARED=1: never an empty list of cases that passes unseen.
"""

import csv
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings

for _name, _value in {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "HF_HUB_OFFLINE": "1",  # weights that are not at hand are an error at once, not a search of the network
    "TOKENIZERS_PARALLELISM": "false",
}.items():
    os.environ.setdefault(_name, _value)

settings.register_profile("imgfp", deadline=None, derandomize=True)  # a shared machine has no steady clock
settings.load_profile("imgfp")

ROOT = Path(__file__).resolve().parents[1]
GOLDEN = Path(os.environ.get("IMGFP_GOLDEN") or ROOT.parent / "shared" / "golden")
ISC_MINI = Path(os.environ.get("IMGFP_DATA") or ROOT.parent / "shared" / "data" / "isc-mini")


def _shared(folder: Path, variable: str) -> Path:
    if folder.is_dir():
        return folder
    reason = f"{folder} is not there: set {variable}"
    if os.environ.get("IMGFP_REQUIRE_SHARED") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def golden() -> Path:
    return _shared(GOLDEN, "IMGFP_GOLDEN")


@pytest.fixture(scope="session")
def isc_mini() -> Path:
    return _shared(ISC_MINI, "IMGFP_DATA")


def _json_cases(path: str) -> Callable[[], list[Any]]:
    return lambda: json.loads((GOLDEN / path).read_text())


def _csv_rows(path: str) -> list[dict[str, str]]:
    with (GOLDEN / path).open(newline="") as file:
        return list(csv.DictReader(file))


def _pairs_with_planes() -> list[dict[str, str]]:
    stored = {item["id"] for item in _json_cases("imgfp_sift/images.json")() if item["luma_stored"]}
    return [row for row in _csv_rows("imgfp_sift/pairs.csv") if {row["query"], row["reference"]} <= stored]


def _luma_chain() -> list[str]:
    with np.load(GOLDEN / "imgfp_sift/luma_chain.npz") as chain:
        return sorted(name.split("__")[0] for name in chain.files if name.endswith("__full_range_luma"))


# fixture: what it is discovered from
CASES: dict[str, Callable[[], list[Any]]] = {
    "matching_case": _json_cases("isc/matching/index.json"),
    "real_case": _json_cases("isc/imgfp_real/index.json"),
    "pair": lambda: _csv_rows("imgfp_sift/pairs.csv"),
    "pair_with_planes": _pairs_with_planes,
    "luma_chain_id": _luma_chain,
    "synthetic_match": _json_cases("imgfp_sift/match_synthetic.json"),
    "synthetic_vote": lambda: _csv_rows("imgfp_sift/vote_synthetic/expected.csv"),
    "real_vote": lambda: _csv_rows("imgfp_sift/vote_real_expected.csv"),
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    for name, discover in CASES.items():
        if name in metafunc.fixturenames:
            try:
                found = discover()
            except OSError:
                found = []
            metafunc.parametrize(name, found or [None], ids=_case_id, indirect=True)


def _case_id(case: Any) -> str:
    if case is None:
        return "missing"
    if isinstance(case, str):
        return case
    return str(
        case["name"] if "name" in case else "-".join(case[key] for key in ("pair", "query", "reference") if key in case)
    )


def _case(request: pytest.FixtureRequest, golden: Path) -> Any:
    if request.param is None:
        pytest.fail(f"{golden}: no case for {request.fixturename}: its index is missing or empty")
    return request.param


def _add_case_fixtures() -> None:
    for name in CASES:
        globals()[name] = pytest.fixture(name=name)(_case)


_add_case_fixtures()


@pytest.fixture
def one_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Features without worker processes, one thread everywhere: the last bits of a descriptor depend on their number."""
    import torch
    from one_process import OneProcess

    monkeypatch.setattr("imgfp.pipeline.stages.features.SiftPool", OneProcess)
    monkeypatch.setenv("IMGFP_THREADS", "1")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def tiny_disc(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """5 references, 3 training images, 5 queries made from references and 2 others."""
    pytest.importorskip("skimage")
    pytest.importorskip("sklearn")
    from imgfp.datasets import demo_set

    folder = tmp_path_factory.mktemp("disc") / "tiny"
    with pytest.MonkeyPatch.context() as patch:
        for name, count in {"REFERENCES": 5, "TRAINING": 3, "EDITED": 5, "DISTRACTORS": 2}.items():
            patch.setattr(demo_set, name, count)
        demo_set.make_demo_set(folder)
    return folder
