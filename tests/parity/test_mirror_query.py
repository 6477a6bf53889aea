"""MIRorR's deep_query: every run of golden/mirror/deep_query, the cases and files taken from the folder."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imgfp.cli.main import main
from imgfp.records.match_pairs import MatchPairs

TOLERANCE, TIE = 2e-6, 1e-5
# distances of vectors that are not normalised: float32 cancellation in the original, relative to the squared norms
DISTANCE = 3e-5


@pytest.fixture(scope="module")
def folder(golden: Path) -> Path:
    found = golden / "mirror" / "deep_query"
    if not found.is_dir():
        pytest.skip(f"{found} is not there")
    return found


@pytest.fixture(scope="module")
def runs(folder: Path) -> list[dict[str, Any]]:
    found = json.loads((folder / "index.json").read_text())
    assert found
    return found


def features_of(folder: Path, name: str) -> Path:
    """The features of a run: features_KIND.npz where the run's name starts with KIND, otherwise features.npz."""
    special = [path for path in folder.glob("features_*.npz") if name.startswith(path.stem.removeprefix("features_"))]
    return special[0] if special else folder / "features.npz"


@pytest.fixture(scope="module")
def lists(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The features as the original's files: one .npy [dim, regions] per image, and lists of them."""
    root = tmp_path_factory.mktemp("deep_query")
    for stored in folder.glob("features*.npz"):
        with np.load(stored, allow_pickle=False) as arrays:
            for part in arrays.files:
                names = []
                for row, feature in enumerate(arrays[part].astype(np.float32)):
                    names.append(f"{stored.stem}_{part}_{row}.npy")
                    np.save(root / names[-1], feature)
                (root / f"{stored.stem}_{part}.txt").write_text("\n".join(names) + "\n")
    return root


def answers(run: dict[str, Any], folder: Path, lists: Path, out: Path) -> MatchPairs:
    stem = features_of(folder, run["name"]).stem
    arguments = ["mirror", "query", "--root", str(lists), "--feature-list", str(lists / f"{stem}_db.txt")]
    if run["queries"] == "query":
        arguments += ["--query-list", str(lists / f"{stem}_query.txt")]
    previous = None
    for argument in run["args"]:
        if previous == "--pca_file":
            argument = str(folder / Path(argument).with_suffix(".npz"))
        arguments.append(argument.replace("_", "-") if argument.startswith("--") else argument)
        previous = argument
    assert main([*arguments, "--out", str(out)]) == 0
    return MatchPairs.read(out / "match_pairs")


def test_every_run(runs: list[dict[str, Any]], folder: Path, lists: Path, tmp_path: Path) -> None:
    for run in runs:
        if run["error"]:
            continue
        got, wanted = answers(run, folder, lists, tmp_path / run["name"]), MatchPairs.read(folder / run["file"])
        np.testing.assert_array_equal(got.queries, wanted.queries, err_msg=run["name"])
        loose = "--euclidean_dist" in run["args"] and not {"--out_dim", "--pca_thresh", "--pca_file"} & set(run["args"])
        tolerance = DISTANCE if loose else TOLERANCE
        np.testing.assert_allclose(got.scores, wanted.scores, rtol=tolerance, atol=tolerance, err_msg=run["name"])
        for query in np.unique(wanted.queries):
            rows = wanted.queries == query
            same_order_but_for_ties(run["name"], got.database[rows], wanted.database[rows], wanted.scores[rows])


def same_order_but_for_ties(name: str, got: np.ndarray, wanted: np.ndarray, scores: np.ndarray) -> None:
    """Where another image stands at a rank, its own score is within TIE of that rank's, or of the last one's."""
    score_of = dict(zip(wanted.tolist(), scores.tolist(), strict=True))
    assert len(set(got.tolist())) == len(wanted), name
    for image, rank_score in zip(got.tolist(), scores.tolist(), strict=True):
        assert abs(score_of.get(image, scores[-1]) - rank_score) <= TIE, (name, image)


def test_texts_are_rewritten_byte_for_byte(runs: list[dict[str, Any]], folder: Path, tmp_path: Path) -> None:
    for run in runs:
        if not run["error"]:
            MatchPairs.read(folder / run["file"]).write(tmp_path / "again")
            assert (tmp_path / "again").read_bytes() == (folder / run["file"]).read_bytes(), run["file"]
