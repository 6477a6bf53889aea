"""Stages on a different executor: work is pickled, shards return in any order, the bytes are the same."""

import pickle
from collections.abc import Iterator, Sequence
from typing import ClassVar

import pytest

from imgfp.images import ImageList
from imgfp.pipeline.run_config import RunConfig
from imgfp.pipeline.search import find
from imgfp.pipeline.stages.executors import Task, use_executor


class Travelling:
    """Sends the task to each shard anew, and makes the last shard first."""

    tasks: ClassVar[list[str]] = []

    def map(self, task: Task, shards: Sequence[tuple[int, range]]) -> Iterator[tuple[int, dict]]:
        self.tasks.append(type(task.work).__name__)
        sent = pickle.dumps(task)
        for number, rows in reversed(shards):
            with pickle.loads(sent).opened() as make:
                yield number, make(number, rows)


@pytest.mark.parametrize("kind", ["exact", "ivf_pq16"])
def test_the_same_bytes(small_set, tmp_path, contents, monkeypatch, one_process, kind: str) -> None:
    monkeypatch.setattr("imgfp.detection.finders.missing_packages", lambda: ["nothing"])  # the classical finder
    for module in ("features", "describe", "boxes", "compress"):
        monkeypatch.setattr(f"imgfp.pipeline.stages.{module}.SHARD_IMAGES", 3)
    monkeypatch.setattr("imgfp.pipeline.stages.candidates.SHARD_QUERIES", 4)
    monkeypatch.setattr("imgfp.pipeline.stages.score.SHARD_PAIRS", 20)
    lists = ImageList.open(small_set.queries), ImageList.open(small_set.references)
    run = RunConfig.named("default", "local,global,crop", kind)
    find(*lists, tmp_path / "here", run)
    Travelling.tasks.clear()
    with use_executor(Travelling()):
        find(*lists, tmp_path / "there", run)
    assert set(Travelling.tasks) >= {"ExtractWork", "DescribeWork", "VoteWork", "TopkWork", "ScoreWork", "BoxWork"}
    assert ("EncodeWork" in Travelling.tasks) == (kind != "exact")
    here, there = contents(tmp_path / "here"), contents(tmp_path / "there")
    assert here.keys() == there.keys()
    different = [name for name in here if here[name] != there[name]]
    assert different == []
