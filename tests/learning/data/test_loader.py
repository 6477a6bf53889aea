"""An epoch's batches: the same bytes with any number of workers, in every epoch by itself, in every process a part."""

import itertools
import os
import shutil
import signal
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
from joblib.externals.loky import get_reusable_executor

from imgfp.errors import InputError
from imgfp.learning.data import Batch
from imgfp.learning.data.batch import VIEW
from imgfp.learning.data.sample_builder import SampleBuilder


def passed(batches, epoch: int) -> list[Batch]:
    batches.sampler.set_epoch(epoch)
    return list(batches)


def same(ones: list[Batch], others: list[Batch]) -> bool:
    return len(ones) == len(others) and all(
        torch.equal(a.pixels, b.pixels) and torch.equal(a.labels, b.labels) and torch.equal(a.kinds, b.kinds)
        for a, b in zip(ones, others, strict=True)
    )


def test_workers_and_earlier_epochs_change_nothing(opened) -> None:
    """Epoch 3 by workers that already made 0 to 2, at another size from epoch 2 on, equals epoch 3 alone."""

    def size_of_epoch(epoch: int) -> int:
        return 32 if epoch < 2 else 48

    here = opened(size_of_epoch=size_of_epoch, hard_negatives=1)
    there = opened(size_of_epoch=size_of_epoch, hard_negatives=1, workers=2)
    before = torch.get_rng_state()
    workers = there.train_dataloader()
    epochs = [passed(workers, epoch) for epoch in range(4)]
    assert torch.equal(torch.get_rng_state(), before)  # nothing global is drawn
    assert same(epochs[3], passed(here.train_dataloader(), 3))
    assert same(epochs[0], passed(here.train_dataloader(), 0))
    assert not same(epochs[0], epochs[1])
    assert [epoch[0].pixels.shape[2] for epoch in epochs] == [32, 32, 48, 48]
    assert epochs[0][0].pixels.is_contiguous(memory_format=torch.channels_last)

    first_worker = workers._loader._iterator._workers[0]
    os.kill(first_worker.pid, signal.SIGKILL)
    first_worker.join()
    with pytest.raises(
        InputError, match=r"a worker process .* ended .*lower pairs\.workers \(now 2\), pairs\.batch or"
    ):
        list(workers)


def test_workers_start_in_a_job_of_a_sweep(made: Path) -> None:
    """joblib's processes call their own way of being started the default, which workers do not know."""

    def job() -> list[int]:  # defined here: a job cannot import this module
        from imgfp.edits import EditsConfig
        from imgfp.learning.data import PairsConfig, open_training

        training = open_training(PairsConfig(workers=1, negatives=0), EditsConfig(), made, 5, lambda epoch: 32)
        return next(iter(training.train_dataloader())).labels.tolist()

    assert get_reusable_executor(max_workers=1).submit(job).result(timeout=120) == job()


def test_sizes_of_batches_differ_by_one_at_most(opened) -> None:
    sizes = [int((batch.kinds == VIEW).sum()) // 2 for batch in opened(batch=4).train_dataloader()]
    assert sizes == [4, 4, 3]
    assert len(opened(batch=5).train_dataloader()) == 3
    assert len(opened(batch=11).train_dataloader()) == 1


@pytest.mark.parametrize("world", [2, 3])
@pytest.mark.parametrize("pairs", [False, True])
def test_the_processes_share_an_epoch(opened, truth: str, world: int, pairs: bool) -> None:
    settings = {"ground_truth": truth} if pairs else {}
    alone = opened(**settings)
    parts = [passed(opened(rank=rank, world=world, batch=2, **settings).train_dataloader(), 1) for rank in range(world)]
    assert len({len(part) for part in parts}) == 1
    shared = sorted(view.numpy().tobytes() for part in parts for batch in part for view in batch.pixels)
    whole = sorted(view.numpy().tobytes() for batch in passed(alone.train_dataloader(), 1) for view in batch.pixels)
    assert shared == whole
    assert all(len(batch.pixels) for part in parts for batch in part)


def test_labels_say_what_is_seen(opened, truth: str) -> None:
    """All unedited rows of a label show the same image; two views of an item share a label."""
    training = opened(ground_truth=truth, negatives=4, batch=3)
    seen: dict[int, bytes] = {}
    for epoch in range(3):
        for batch in passed(training.train_dataloader(), epoch):
            views = batch.labels[batch.kinds == VIEW].reshape(-1, 2)
            assert torch.equal(views[:, 0], views[:, 1])
            for row in torch.nonzero(batch.kinds != VIEW).flatten().tolist():
                label, image = int(batch.labels[row]), batch.pixels[row].numpy().tobytes()
                assert seen.setdefault(label, image) == image
    assert len(set(seen.values())) == len(seen)


def test_unreadable_photographs_shrink_their_batch(opened, made: Path, tmp_path: Path) -> None:
    root = tmp_path / "broken"
    shutil.copytree(made, root)
    for name in ("T02", "T07"):
        (root / "training_images" / f"{name}.jpg").write_bytes(b"not an image")
    batches = passed(opened(root=root, negatives=0).train_dataloader(), 0)
    assert sorted(torch.cat([batch.labels for batch in batches]).tolist()) == sorted(2 * [*set(range(11)) - {2, 7}])
    assert {Path(path).stem for batch in batches for path, _ in batch.failures} == {"T02", "T07"}


def test_an_epoch_without_images_ends_the_training(opened, tmp_path: Path) -> None:
    (tmp_path / "training_images").mkdir()
    for name in "abc":
        (tmp_path / "training_images" / f"{name}.jpg").write_bytes(b"not an image")
    iterator = iter(opened(root=tmp_path, negatives=0, batch=1).train_dataloader())
    assert [len(next(iterator).pixels) for _ in range(3)] == [0, 0, 0]  # an empty batch is a batch
    with pytest.raises(InputError, match=r"no image of epoch 1 could be used, first .*\.jpg: not a readable image"):
        next(iterator)


class Listener(pl.LightningModule):
    """Notes the labels of each epoch's batches."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.heard: dict[int, list[list[int]]] = {}

    def training_step(self, batch: Batch, _: int) -> torch.Tensor:
        self.heard.setdefault(self.current_epoch, []).append(batch.labels.tolist())
        return self.weight * batch.pixels.float().mean()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


@pytest.mark.filterwarnings("ignore")
def test_a_lightning_trainer_gets_its_epoch_also_when_it_resumes(opened, tmp_path: Path) -> None:
    """Lightning asks for a resumed training's iterator before it tells the epoch."""

    def trainer(epochs: int) -> pl.Trainer:
        return pl.Trainer(
            max_epochs=epochs, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
            enable_model_summary=False, use_distributed_sampler=False, default_root_dir=tmp_path,
        )  # fmt: skip

    training = opened(negatives=0)
    expected = {
        epoch: [batch.labels.tolist() for batch in passed(training.train_dataloader(), epoch)] for epoch in range(4)
    }
    first = Listener()
    started = trainer(2)
    started.fit(first, opened(negatives=0).train_dataloader())
    started.save_checkpoint(tmp_path / "last.ckpt")
    resumed = Listener()
    trainer(4).fit(resumed, opened(negatives=0).train_dataloader(), ckpt_path=tmp_path / "last.ckpt", weights_only=True)
    assert first.heard == {epoch: expected[epoch] for epoch in (0, 1)}
    assert resumed.heard == {epoch: expected[epoch] for epoch in (2, 3)}


def test_the_last_step_may_have_nothing_for_a_process(opened) -> None:
    """11 photographs for 2 processes, one at a time: 6 steps of both, the last of the second is empty."""
    first, second = (list(opened(rank=rank, world=2, batch=1).train_dataloader()) for rank in (0, 1))
    assert len(first) == len(second) == 6
    assert len(second[-1].pixels) == len(second[-1].labels) == 0
    assert all(len(batch.pixels) for batch in [*first, *second[:-1]])


@pytest.mark.parametrize("world", [1, 2])
def test_part_of_an_epoch_and_batches_that_come_again(opened, world: int) -> None:
    def keys(epoch: int, **settings: int) -> list:
        """Of all processes, a step's items together."""
        parts = []
        for rank in range(world):
            data = opened(batch=2, rank=rank, world=world, **settings)
            sampler = data.train_dataloader().sampler
            sampler.set_epoch(epoch)
            parts.append(list(sampler))
            assert len(parts[-1]) == len(sampler) == data.batches_per_epoch
        found = [list(itertools.chain(*step)) for step in zip(*parts, strict=True)]
        assert data.images_per_epoch == 4 * sum(map(len, found))
        return found

    whole = [keys(epoch) for epoch in range(2)]
    assert [keys(epoch, limit_batches=2) for epoch in range(2)] == [part[:2] for part in whole]
    assert keys(0, limit_batches=99) == whole[0], "there are no more"
    first, second = whole[0][:2]
    assert keys(3, overfit_batches=2, limit_batches=5) == [first, second, first, second, first]
    assert keys(1, overfit_batches=1) == [first] * len(whole[0])


def test_a_batch_that_comes_again_is_built_once(opened, monkeypatch: pytest.MonkeyPatch) -> None:
    batches = opened(overfit_batches=1, limit_batches=3).train_dataloader()
    built = []
    item = SampleBuilder.item
    monkeypatch.setattr(SampleBuilder, "item", lambda self, key: built.append(key) or item(self, key))
    one, *others = passed(batches, 0) + passed(batches, 4)
    assert len(others) == 5
    assert all(same([one], [other]) for other in others)
    assert len(built) == len(set(built)) == 4
