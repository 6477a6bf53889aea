"""`imgfp find` killed in each stage and run again: the bytes of an undisturbed run, and at most one shard made twice."""

import json
import os
import re
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from imgfp.cli.main import main

# small shards, so that there are several to be killed between
SIZES = {
    "imgfp.pipeline.stages.features.SHARD_IMAGES": 3,
    "imgfp.pipeline.stages.describe.SHARD_IMAGES": 3,
    "imgfp.pipeline.stages.candidates.SHARD_QUERIES": 4,
    "imgfp.pipeline.stages.score.SHARD_PAIRS": 20,
}
STAGES = [
    "reference features",
    "reference descriptors",
    "query features",
    "local candidates",
    "query descriptors",
    "global candidates",
    "match scores",
]
# the file in whose writing the process is killed: the stage it belongs to, and how many items are whole by then
WITH_WORKERS = {
    "index/parts/000/features/00001.descriptors.npy": ("reference features", 3),
    "work/query_features/00002.json": ("query features", 6),
}
WITHIN_STAGES = {
    "index/parts/000/descriptors/00001.npy": ("reference descriptors", 3),
    "work/local_candidates/00001.json": ("local candidates", 4),
    "work/query_descriptors/00003.json": ("query descriptors", 9),
    "work/global_candidates/00000.json": ("global candidates", 0),
    "work/match_scores/00002.json": ("match scores", 40),
}
BETWEEN_STAGES = {
    "index/parts/000/descriptors/descriptors.h5": ("reference descriptors", 8),
    "index/index.json": ("reference descriptors", 8),
    "predictions.csv": ("match scores", 88),
}


@pytest.fixture
def run_again(small_set, monkeypatch, capsys, one_process) -> Callable[[Path], dict[str, tuple[int, int]]]:
    """Runs `imgfp find` into a folder; returns each stage's printed numbers of reused and of all items."""
    for name, value in {**SIZES, "imgfp.reports.search_report.BEST": 1}.items():
        monkeypatch.setattr(name, value)

    def run(out: Path) -> dict[str, tuple[int, int]]:
        capsys.readouterr()
        assert main(["find", str(small_set.queries), str(small_set.references), "--out", str(out)]) == 0
        found = re.findall(r"^ *(\S.*?)  .*reused (\d+) of (\d+)", capsys.readouterr().out, re.MULTILINE)
        return {stage: (int(reused), int(items)) for stage, reused, items in found}

    return run


def kill(small_set, folder: Path, files: list[str], mark: str = "") -> list[int]:
    """Runs that are killed, their output in `folder`/0, 1, ...; returns the exit statuses."""
    program = Path(__file__).with_name("killed_find.py")
    arguments = [small_set.queries, small_set.references, folder, json.dumps(SIZES), "many" if mark else "one", *files]
    done = subprocess.run(
        [sys.executable, program, *map(str, arguments)],
        env=os.environ | {"IMGFP_THREADS": "1", "IMGFP_TEST_MARK": mark},
        capture_output=True,
        text=True,
        check=True,
    )
    return [int(line) for line in done.stdout.split()]


def compare_after_resume(small_set, tmp_path, run_again, contents, kills, mark="") -> None:
    undisturbed = tmp_path / "undisturbed"
    whole = run_again(undisturbed)
    assert list(whole) == STAGES
    assert {reused for reused, _ in whole.values()} == {0}
    expected = _without_report(contents(undisturbed))
    assert run_again(undisturbed) == {name: (items, items) for name, (_, items) in whole.items()}, "all is reused"
    assert _without_report(contents(undisturbed)) == expected
    assert kill(small_set, tmp_path, list(kills), mark) == [-9] * len(kills)
    for number, (file, (stage, whole_items)) in enumerate(kills.items()):
        out = tmp_path / str(number)
        assert (out / file).with_name(f".{Path(file).name}.tmp").is_file(), f"{file}: killed elsewhere"
        assert not (out / file).exists()
        printed = run_again(out)
        before = STAGES[: STAGES.index(stage)]
        reused = {name: 0 for name in STAGES} | {name: whole[name][1] for name in before} | {stage: whole_items}
        assert printed == {name: (reused[name], whole[name][1]) for name in STAGES}, f"killed in {file}"
        found = _without_report(contents(out))
        assert found.keys() == expected.keys(), f"killed in {file}"
        different = [name for name in found if found[name] != expected[name]]
        assert not different, f"killed in {file}"


def _without_report(files: dict[str, bytes]) -> dict[str, bytes]:
    """The report holds times."""
    assert files.pop("report.html")
    assert {"predictions.csv", "index/index.json", "branches/local.csv", "work/match_scores/manifest.json"} < set(files)
    return files


def test_killed_while_worker_processes_extract(small_set, tmp_path, run_again, contents) -> None:
    mark = uuid.uuid4().hex
    compare_after_resume(small_set, tmp_path, run_again, contents, WITH_WORKERS, mark)
    if not Path("/proc/self/environ").exists():
        return  # no way to see other processes' environment here
    for _ in range(100):
        if not (left := _processes_with(mark)):
            break
        time.sleep(0.2)
    assert left == [], "orphans of killed runs"


def test_killed_within_each_other_stage_and_between_stages(small_set, tmp_path, run_again, contents) -> None:
    compare_after_resume(small_set, tmp_path, run_again, contents, WITHIN_STAGES | BETWEEN_STAGES)


def _processes_with(mark: str) -> list[str]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:  # another user's, or gone meanwhile
            continue
    return found
