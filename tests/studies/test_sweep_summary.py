"""The parent run of a sweep: a table, a chart and the best of all its children, of earlier sweeps over the same keys too."""

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from imgfp.studies.sweep_rows import SweepRow, best_row, compared_figures, table_text
from imgfp.studies.sweep_summary import update_parent
from imgfp.tracking import (
    FINGERPRINT_TAG,
    PARENT_TAG,
    Parent,
    Run,
    adopt,
    child_runs,
    close_abandoned,
    find_parent,
    finished_run,
    open_store,
    tracked_run,
)
from imgfp.tracking.notes import write_note
from imgfp.tracking.process import PROCESS_TAG, has_ended, this_process


def test_the_parent_shows_all_that_was_swept(tmp_path: Path) -> None:
    store = open_store(tmp_path / "mlruns")
    client = store.client()

    def sweep(margin: str) -> Parent:
        return Parent("key", "mini: loss.margin", f"loss.margin={margin}", {"loss.margin": margin})

    def train(parent: Parent | None, margin: float, uap: float) -> str:
        params = {"loss": {"margin": margin}, "seed": 0}
        with tracked_run(store, "esvit", "mini", params, tags={"data": "tiny"}, parent=parent) as run:
            run.log_metrics({"uap": uap, "recall_at_1": 0.5, "recall_at_10": 0.75})
        return run.run_id

    assert find_parent(store, "esvit", "key") is None, "no parent before its first child"
    alone = train(None, 0.25, 0.125)
    first = train(sweep("5e-1"), 0.5, 0.25)
    parent = Run(store, find_parent(store, "esvit", "key"))
    done = {"uap": 0.25, "recall_at_1": 0.5}
    rows = [SweepRow({"loss.margin": "5e-1"}, "finished", done, first), SweepRow({"loss.margin": "3.0"}, "failed")]
    update_parent(parent, rows, ["loss.margin"], "python train/esvit.py loss.margin=5e-1,3.0 -m")
    shown = client.get_run(parent.run_id)
    counts = {"jobs": 2, "jobs_finished": 1, "jobs_failed": 1}
    assert shown.data.metrics == counts | done
    assert shown.info.run_name == "mini: loss.margin"

    # extended: what is finished stays, a run that was alone joins, and one of another sweep is only listed
    second = train(sweep("1.0"), 1.0, 0.75)
    adopt(store, alone, sweep("0.25"), "esvit", "mini")
    other = train(replace(sweep("2.0"), key="another"), 2.0, 0.5)
    above = client.get_run(other).data.tags[PARENT_TAG]
    assert adopt(store, other, sweep("2.0"), "esvit", "mini") == above != parent.run_id
    rows = [
        SweepRow({"loss.margin": "1.0"}, "finished", {"uap": 0.75, "recall_at_1": 0.5}, second),
        SweepRow({"loss.margin": "0.25"}, "reused", {"uap": 0.125, "recall_at_1": 0.5}, alone),
        SweepRow({"loss.margin": "2.0"}, "reused", {"uap": 0.5, "recall_at_1": None}, other),
    ]
    found = update_parent(parent, rows, ["loss.margin"], "python train/esvit.py loss.margin=0.25,1.0,2.0 -m")
    assert [row.settings["loss.margin"] for row in found] == ["1.0", "0.25", "2.0", "0.5"]
    shown = client.get_run(parent.run_id).data
    assert {key: shown.metrics[key] for key in ("uap", "jobs", "jobs_finished")} == {
        "uap": 0.75,
        "jobs": 4,
        "jobs_finished": 4,
    }
    wanted = {"best.loss.margin": "1.0", "best.run": "loss.margin=1.0", "data": "tiny", "imgfp.swept": "loss.margin"}
    assert wanted.items() <= shown.tags.items()
    note, here = shown.tags["mlflow.note.content"], f"#/experiments/{client.get_run(second).info.experiment_id}/runs"
    assert note.startswith(f"**Best of its runs: [loss.margin=1.0]({here}/{second}): uAP 0.7500 · recall@1 0.5000**")
    assert f"| 1.0 | 0.7500 | 0.5000 | [finished]({here}/{second}) | best |" in note
    write_note(store, second)  # a child that ends leaves the description to the sweep
    assert client.get_run(parent.run_id).data.tags["mlflow.note.content"] == note
    client.set_tag(parent.run_id, "mlflow.note.content", "written by a user")
    update_parent(parent, rows, ["loss.margin"], "command")
    assert client.get_run(parent.run_id).data.tags["mlflow.note.content"] == "written by a user"
    runs = {run.run_id: run for run in child_runs(parent)}
    assert {run.name for run in runs.values()} == {"loss.margin=5e-1", "loss.margin=1.0", "loss.margin=0.25"}
    assert client.get_run(alone).data.params["loss.margin"] == "0.25"
    with Path(client.download_artifacts(parent.run_id, "sweep.csv")).open() as file:
        table = list(csv.DictReader(file))
    assert [row["loss.margin"] for row in table] == ["1.0", "2.0", "0.5", "0.25"]
    assert table[1] == {"loss.margin": "2.0", "uap": "0.5", "recall_at_1": "", "state": "reused", "run_id": other}
    assert [item.path for item in client.list_artifacts(parent.run_id, "images")] == ["images/sweep.png"]

    # the swept key is a param, also a group's, and text that is no number is drawn too
    group = Parent("groups", "mini: loss", "loss=triplet", {"loss": "triplet"})
    third = train(group, 0.5, 0.5)
    assert client.get_run(third).data.params["loss"] == "triplet"
    own = Run(store, find_parent(store, "esvit", "groups"))
    update_parent(own, [SweepRow({"loss": "triplet"}, "finished", {"uap": 0.5}, third)], ["loss"], "command")
    assert client.get_run(own.run_id).data.tags["best.loss"] == "triplet"


def test_a_process_of_another_user_has_not_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    tag, read, machine = this_process(), Path.read_text, this_process().rsplit(" ", 2)[0]

    def refused(*_: object) -> None:
        raise PermissionError

    for hidden in (PermissionError, FileNotFoundError):  # how /proc hides it, by its mount option hidepid

        def hides(path: Path, *_: object, hidden: type[OSError] = hidden) -> str:
            if path.name == "stat":
                raise hidden
            return read(path)

        with monkeypatch.context() as patch:
            patch.setattr(Path, "read_text", hides)
            assert not has_ended(tag)
            assert has_ended(f"{machine} {10**9} 1"), "no such process"
            patch.setattr("imgfp.tracking.process.os.kill", refused)
            assert not has_ended(tag)


def test_runs_of_killed_processes_are_closed(tmp_path: Path) -> None:
    store = open_store(tmp_path / "mlruns")
    client = store.client()
    machine, pid, started = this_process().rsplit(" ", 2)
    assert not has_ended(this_process())
    assert has_ended(f"{machine} {pid} {int(started) + 1}")
    assert not any(map(has_ended, (None, "", f"elsewhere 0 {pid} 1", "damaged"))), "not known from here"
    assert not any(map(has_ended, (f"{machine}x {pid} 1", f"{machine} {pid} unknown"))), (
        "another namespace; hidden then"
    )
    assert has_ended(f"{machine} {10**9} 1")

    def run(process: str, fingerprint: str) -> str:
        with tracked_run(store, "isc", "x", {}, tags={FINGERPRINT_TAG: fingerprint}) as opened:
            pass
        client.update_run(opened.run_id, status="RUNNING")
        client.set_tag(opened.run_id, PROCESS_TAG, process)
        return opened.run_id

    alive, dead = run(this_process(), "a"), run(f"{machine} {pid} 1", "a")
    assert finished_run(store, "isc", "a") is None
    close_abandoned(store, "isc", PARENT_TAG, "of nobody")
    assert client.get_run(dead).info.status == "RUNNING"
    with tracked_run(store, "isc", "again", {}, tags={FINGERPRINT_TAG: "a"}) as again:
        assert [client.get_run(item).info.status for item in (dead, alive)] == ["KILLED", "RUNNING"]
    assert finished_run(store, "isc", "a").run_id == again.run_id
    assert finished_run(store, "isc", "b") is finished_run(store, "none", "a") is None


@pytest.mark.parametrize(
    ("metrics", "names"),
    [
        (["threshold_at_p90", "recall_at_p90", "uap", "recall_at_1", "loss"], ["uap", "recall_at_1", "recall_at_p90"]),
        (["best/uap", "uap", "normalised/uap"], ["uap"]),
        (["box_recall", "map50_95", "map50", "loss"], ["map50", "map50_95"]),
        (["network/map_at_50", "recall_at_10", "map_at_50"], ["map_at_50", "recall_at_10"]),
        (
            [f"{subset}/{name}" for subset in ("easy", "hard", "medium") for name in ("map", "recall_at_10")],
            ["medium/map", "hard/map", "easy/map", "medium/recall_at_10"],
        ),
        (["loss"], []),
    ],
)
def test_the_most_important_figure_is_first(metrics: list[str], names: list[str]) -> None:
    found = compared_figures({name: float(place) for place, name in enumerate(metrics)})
    assert list(found) == names
    if "best/uap" in metrics:
        assert found["uap"] == metrics.index("best/uap")


def test_undefined_figures_are_never_the_best() -> None:
    rows = [
        SweepRow({"a": "1"}, "finished", {"uap": None}),
        SweepRow({"a": "2"}, "finished", {"uap": float("nan")}),
        SweepRow({"a": "3"}, "failed", {"uap": 0.9}),
    ]
    assert best_row(rows) is None
    assert "best" not in table_text(rows)
