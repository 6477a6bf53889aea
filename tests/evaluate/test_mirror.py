"""python evaluate/mirror.py: an existing result judged on every benchmark; figures in one file, in MLflow and on the screen."""

import csv
import json
from pathlib import Path

import pytest
from photographs import photograph

from imgfp.records.match_pairs import MatchPairs
from imgfp.tracking import open_store

SCENES = {
    "image_list.txt": "a/images/1.jpg\na/images/2.jpg\nb/images/1.jpg\nb/images/2.jpg\n",
    "gt_pairs": "0 1\n1 0\n2 3\n",
    "match_pairs": "0 0 1\n0 1 0.9\n1 2 0.8\n1 0 0.7\n2 3 0.5",
}


@pytest.fixture
def app(run_script, tmp_path: Path):
    """Writes files below `data`, and runs the app on them."""

    def run(files: dict[str, str], *arguments: str):
        for name, text in files.items():
            path = tmp_path / "data" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return run_script("evaluate/mirror.py", f"data.root={tmp_path / 'data'}", *arguments)

    return run


def figures(tmp_path: Path) -> dict:
    (path,) = (tmp_path / "work").rglob("figures.json")
    return json.loads(path.read_text())


def test_scenes(app, tmp_path: Path) -> None:
    done = app(SCENES, f"match_pairs={tmp_path / 'data/match_pairs'}")
    assert done.returncode == 0, done.stderr
    found = figures(tmp_path)
    assert found["map_at_50"] == pytest.approx((1 + 0.25 + 1) / 3)
    assert found["recall_at_10"] == 1.0
    assert found["queries"] == 3
    assert found["intervals"]["map_at_50"]["low"] <= found["map_at_50"] <= found["intervals"]["map_at_50"]["high"]
    assert found["scenes"] == {
        "a": {"queries": 2, "map_at_50": 0.625, "recall_at_10": 1.0},
        "b": {"queries": 1, "map_at_50": 1.0, "recall_at_10": 1.0},
    }
    assert "map_at_50                   0.7500   95 % interval" in done.stdout
    assert all(f"note: {caveat}" in done.stdout for caveat in found["caveats"])
    assert "whitening" not in done.stdout
    assert "1 of 4 queries have no answer: theirs count as AP 0" in done.stderr
    client = open_store(tmp_path / "mlruns").client()
    (run,) = client.search_runs([client.get_experiment_by_name("mirror").experiment_id])
    assert run.data.metrics == {name: found[name] for name in ("map_at_50", "recall_at_10")}
    assert run.data.params["data.benchmark"] == "scenes"
    files = {item.path for item in client.list_artifacts(run.info.run_id)}
    assert files == {"config.yaml", "figures.json", "queries.csv", "scenes.csv"}
    with (tmp_path / "work/queries.csv").open() as table:
        rows = list(csv.DictReader(table))
    assert [row["ap"] for row in rows] == ["1.0", "0.25", "1.0", ""]

    again = app({"match_pairs": SCENES["match_pairs"] + "\n9 0 1"}, f"match_pairs={tmp_path / 'data/match_pairs'}")
    assert again.returncode == 2
    assert "match_pairs: query index 9, but the query list has 4 images" in again.stderr


def test_a_sweep_is_resumed_extended_and_stopped(app, tmp_path: Path) -> None:
    given = f"match_pairs={tmp_path / 'data/match_pairs'}"
    done = app(SCENES, given, "answers=10,20", "-m")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-6:-3] == [
        "mirror: answers: 2 jobs: 2 finished",
        "  answers  mAP@50  recall@10  state",
        "  10       0.7500     1.0000  finished  best",
    ]
    client = open_store(tmp_path / "mlruns").client()
    experiment = client.get_experiment_by_name("mirror").experiment_id

    def runs() -> dict[str, object]:
        return {run.info.run_name: run for run in client.search_runs([experiment])}

    first = runs()
    assert first.keys() == {"mirror: answers", "answers=10", "answers=20"}
    parent = first.pop("mirror: answers").info.run_id
    assert {run.data.tags["mlflow.parentRunId"] for run in first.values()} == {parent}
    for run in first.values():
        assert run.data.params["answers"] == run.info.run_name.partition("=")[2]

    # one of them was killed in the middle
    killed = first["answers=20"].info.run_id
    client.update_run(killed, status="RUNNING")
    machine, pid, _ = first["answers=20"].data.tags["imgfp.process"].rsplit(" ", 2)
    client.set_tag(killed, "imgfp.process", f"{machine} {pid} 1")
    done = app(SCENES, given, "answers=10,20,30", "-m")
    assert done.returncode == 0, done.stderr
    assert "mirror: answers: 3 jobs: 1 reused, 2 finished" in done.stdout
    assert "answers=10: already evaluated; use resume=false to evaluate again" in done.stderr
    everything = client.search_runs([experiment])
    assert sorted((run.info.run_name, run.info.status) for run in everything) == [
        ("answers=10", "FINISHED"),
        ("answers=20", "FINISHED"),
        ("answers=20", "KILLED"),
        ("answers=30", "FINISHED"),
        ("mirror: answers", "FINISHED"),
    ]
    assert {run.data.tags.get("mlflow.parentRunId") for run in everything} == {None, parent}
    shown = client.get_run(parent).data.metrics
    assert (shown["jobs"], shown["jobs_finished"], shown["map_at_50"]) == (3, 3, pytest.approx(0.75))
    folders = {path.parent for path in (tmp_path / "work").rglob("figures.json")}
    assert len(folders) == 3, "jobs at the same time do not write to the same folder"

    done = app(SCENES, given, "answers=10,20", "resume=false", "-m")
    everything = client.search_runs([experiment])
    assert len(everything) == 7
    assert {run.data.tags.get("mlflow.parentRunId") for run in everything} == {None, parent}
    assert client.get_run(parent).data.metrics["jobs"] == 3, "of equal settings the newest counts"

    # no job opens a run: no parent; and none is begun after the first failure
    for name in ("x", "y"):
        (tmp_path / name).write_text("not a result\n")
    done = app(SCENES, f"match_pairs={tmp_path}/x,{tmp_path}/y", "fail_fast=true", "-m")
    assert done.returncode == 2
    assert f"job 1 (match_pairs={tmp_path}/y): skipped: an earlier job failed" in done.stderr
    assert len(client.search_runs([experiment])) == 7


def test_gl3d_and_the_revisited_benchmarks(app, tmp_path: Path) -> None:
    given = f"match_pairs={tmp_path / 'data/match_pairs'}"
    ratios = {f"a/images/{n}.jpg": "" for n in (1, 2)} | {"a/geolabel/mesh_overlap.txt": "0 1 0.3\n1 0 0.2\n"}
    lists = {"eval_img_list.txt": "a/images/1.jpg\na/images/2.jpg\n", "match_pairs": "0 1 1\n0 1 1"}
    done = app(ratios | lists, "benchmark=gl3d", given)
    assert done.returncode == 0, done.stderr
    assert figures(tmp_path)["map"] == 2.0  # as the original counts an answer that is given twice
    assert "1 answers repeat an earlier one of the same query and count again" in done.stderr
    assert "note: positives: mesh_overlap >= 0.25; the published threshold is unknown" in done.stdout
    done = app(ratios | lists, "benchmark=gl3d", given, "data.threshold=0.4")
    assert done.returncode == 2
    assert "no query has a positive, so mAP is undefined" in done.stderr

    gnd = {"imlist": ["a", "b", "c"], "qimlist": ["q"], "gnd": [{"easy": [0], "hard": [1], "junk": [2]}]}
    done = app(
        {"gnd_rparis6k.json": json.dumps(gnd), "match_pairs": "0 2 1\n0 1 0.5\n0 0 0.4"}, "benchmark=rparis", given
    )
    assert done.returncode == 0, done.stderr
    found = figures(tmp_path)
    assert {name: found[f"{name}/map"] for name in ("easy", "medium", "hard")} == {"easy": 1, "medium": 1, "hard": 1}


def test_own_ranking(app, tmp_path: Path) -> None:
    names = [f"{scene}/images/{number}.png" for scene in ("astronaut", "coffee") for number in range(4)]
    for name in names:
        scene, _, file = name.split("/")
        path = tmp_path / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        photograph(scene).crop((15 * int(file[0]), 0, 200 + 15 * int(file[0]), 230)).save(path)
    pairs = [f"{a} {b}" for a in range(8) for b in range(8) if a != b and a // 4 == b // 4]
    lists = {"image_list.txt": "\n".join(names), "gt_pairs": "\n".join(pairs)}
    settings = ("whitening.out_dim=6", "rerank.candidates=3", "answers=8", "similarity.search=two-stage")
    done = app(lists, *settings)
    assert done.returncode == 0, done.stderr
    found = figures(tmp_path)
    assert found["map_at_50"] == found["recall_at_10"] == 1.0
    assert 0.9 < found["network"]["map_at_50"] <= 1.0
    assert set(found["network"]) == {"map_at_50", "recall_at_10", "intervals", "scenes"}
    assert found["verified_pairs"] >= 12
    assert set(found["seconds_per_photograph"]) == {"describe", "keypoints", "verify", "rank"}
    assert "network/map_at_50" in done.stdout
    assert found["search"] == "two-stage"
    assert "note: the whitening was fitted on the evaluated database" in done.stdout
    assert "note: the two-stage search is approximate" in done.stdout
    client = open_store(tmp_path / "mlruns").client()
    (run,) = client.search_runs([client.get_experiment_by_name("mirror").experiment_id])
    assert run.data.metrics["network/map_at_50"] == found["network"]["map_at_50"]
    assert run.data.params["rerank.candidates"] == "3"
    written = MatchPairs.read(tmp_path / "work/match_pairs")
    assert len(written) == 64


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["benchmark=holidays", "data.threshold=0.3"], "data.threshold=0.3 has no effect on benchmark holidays: remove it"),
        (["benchmark=holidays", "data.root=/none"], "/none: no such folder: give the folder of holidays with data.root=DIR"),
        (["data.thresold=1"], "unknown config key 'data.thresold' (did you mean 'data.threshold'?)"),
        (["data.benchmark=x"], "data.benchmark=x: must be one of scenes, gl3d, oxford, paris, roxford, rparis, holidays"),
        (["similarity.search=fast"], "search=fast: must be one of auto, exact, two-stage"),
        (["rerank.candidates=300"], "rerank.candidates=300: must be below answers=200, which count the query too"),
        (["match_pairs=/none"], "match_pairs=/none: no such file"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line(app, arguments: list[str], line: str) -> None:
    done = app(SCENES, *arguments)
    assert (done.returncode, done.stderr.strip()) == (2, f"mirror.py: {line}")
