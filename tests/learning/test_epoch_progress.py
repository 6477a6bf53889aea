"""What is shown of a running epoch: beside the bar, and in the line at its end."""

from imgfp.learning.epoch_progress import EpochProgress
from imgfp.learning.history import History


def test_the_bar_says_epoch_loss_and_learning_rate() -> None:
    progress = EpochProgress(2, 3, batches=40)
    assert progress.add(9.0, 4, 1e-3) is None  # a point for every two batches
    point = progress.add(1.0, 4, 5e-4)
    assert point is not None
    assert (point["loss"], point["epoch"], point["learning_rate"]) == (5.0, 1.05, 5e-4)
    progress.add(2.0, 4, 2.5e-4)
    assert progress.status() == "epoch 2/3, loss 1.5000, lr 0.00025"


def test_the_line_of_an_epoch_begins_with_its_figures() -> None:
    progress = EpochProgress(2, 3, batches=1)
    progress.add(0.5, 12, 1e-3)
    history = History()
    history.add(1, 0.4)
    figures = {"threshold_at_p90": None, "recall_at_1": 0.25, "uap": 0.3}
    assert progress.report(2.0, history, figures) == "epoch 2/3: loss 0.5000, 6 images/s", "of an earlier epoch"
    history.add(2, 0.3)
    assert progress.report(2.0, history, figures) == (
        "epoch 2/3: uap 0.3000, recall_at_1 0.2500, loss 0.5000, 6 images/s; best uap 0.4000 (epoch 1)"
    )
