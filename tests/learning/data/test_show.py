"""Samples that are shown are those that are trained on."""

import shutil
from pathlib import Path

import numpy as np

from imgfp.learning.data import show_samples
from imgfp.learning.data.batch import VIEW


def test_the_first_items_of_an_epoch_as_they_are_trained_on(opened) -> None:
    training = opened(negatives=1, size_of_epoch=lambda epoch: 40 if epoch else 32)
    batches = training.train_dataloader()
    batches.sampler.set_epoch(1)
    first = next(iter(batches))
    samples = show_samples(training, 4, epoch=1)
    for place, sample in enumerate(samples):
        rows = [row for row in range(3 * place, 3 * place + 3) if first.kinds[row] == VIEW]
        original, *views = sample.images
        assert original is not None
        assert original.shape == (54, 70, 3)
        for row, view in zip(rows, views, strict=True):
            assert np.array_equal(first.pixels[row].permute(1, 2, 0).numpy(), view)
        assert sample.captions[0] == f"T{int(first.labels[rows[0]]):02d}.jpg"
        assert all(sample.captions[1:])
    assert len(show_samples(training, 99)) == 11


def test_true_pairs_say_what_they_are(opened, truth: str) -> None:
    samples = show_samples(opened(ground_truth=truth), 6)
    pairs = [sample.captions for sample in samples if sample.captions[0].startswith("R")]
    assert len(pairs) == 3
    assert {caption[1].split()[0] for caption in pairs} == {"query"}
    assert {caption[2] for caption in pairs} == {"reference"}


def test_unreadable_photograph_is_shown_as_missing(opened, made: Path, tmp_path: Path) -> None:
    shutil.copytree(made, tmp_path / "broken")
    (tmp_path / "broken" / "training_images" / "T05.jpg").write_bytes(b"not an image")
    samples = {sample.captions[0]: sample for sample in show_samples(opened(root=tmp_path / "broken"), 11)}
    assert samples["T05.jpg"].images == (None,)
    assert samples["T05.jpg"].captions == ("T05.jpg",)
    assert len(samples["T04.jpg"].images) == 3
