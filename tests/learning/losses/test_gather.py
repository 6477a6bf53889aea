"""Two processes give the loss, the gradient and the memory of one process with all rows."""

from pathlib import Path
from typing import Any

import pytest
import torch
from gather_process import CONFIGS, COUNTS, main, run
from loss_batches import batch
from torch import multiprocessing

from imgfp.learning.losses import gather


def test_one_process_has_its_own_rows() -> None:
    rows, labels = batch(0, [1, 2, 2])
    gathered = gather(rows, labels)
    assert gathered[0] is rows
    assert gathered[1] is labels


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """What each of two processes saw: [process][loss][step]."""
    folder: Path = tmp_path_factory.mktemp("processes")
    multiprocessing.spawn(main, args=(folder,), nprocs=2)
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(2)]


@pytest.fixture(scope="module")
def one() -> list[Any]:
    return [run(config, 0, everything=True) for config in CONFIGS]


@pytest.mark.parametrize("loss", range(len(CONFIGS)), ids=[type(config).__name__ for config in CONFIGS])
@pytest.mark.parametrize("step", range(len(COUNTS)), ids=str)
def test_as_one_process(two: list[Any], one: list[Any], loss: int, step: int) -> None:
    wanted = one[loss][step]
    first, second = (process[loss][step] for process in two)
    for process in (first, second):
        assert torch.equal(process["labels"], wanted["labels"]), "in order of the ranks, without the padding"
        torch.testing.assert_close(process["value"], wanted["value"], rtol=1e-5, atol=1e-6)
    # gradients of a process's own rows are summed over both; the mean of the weights' is one process's gradient
    own = torch.cat([first["inputs"], second["inputs"]]) / 2
    torch.testing.assert_close(own, wanted["inputs"], rtol=1e-4, atol=1e-6)
    for mine, other, alone in zip(first["weights"], second["weights"], wanted["weights"], strict=True):
        torch.testing.assert_close((mine + other) / 2, alone, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("loss", range(len(CONFIGS)), ids=[type(config).__name__ for config in CONFIGS])
def test_every_process_remembers_the_same(two: list[Any], one: list[Any], loss: int) -> None:
    for first, second, alone in zip(two[0][loss], two[1][loss], one[loss], strict=True):
        assert first["state"].keys() == alone["state"].keys()
        for name, tensor in first["state"].items():
            assert torch.equal(tensor, second["state"][name]), name
            torch.testing.assert_close(tensor, alone["state"][name], rtol=1e-5, atol=1e-6)


def test_the_cases_move_something(one: list[Any]) -> None:
    for steps in one:
        assert all(step["weights"][0].any() for step, counts in zip(steps, COUNTS, strict=True) if sum(counts) > 6)
