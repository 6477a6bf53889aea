"""Cross-batch memory: against a plain list of what was seen, stopped and resumed, and refused where it is too small."""

import io
from dataclasses import replace

import loss_oracle as oracle
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from loss_batches import CONFIGS, DIM, batch
from torch import nn

from imgfp.errors import InputError
from imgfp.learning.losses import ContrastiveConfig, LossConfig, MarginConfig, TripletConfig, create_loss
from imgfp.learning.losses.memory import Memory

SIZE = 10
WITH_MEMORY = {
    name: replace(CONFIGS[name], memory=SIZE) for name in ("contrastive", "triplet", "triplet_smooth", "margin")
}
each_config = pytest.mark.parametrize("config", WITH_MEMORY.values(), ids=WITH_MEMORY.keys())
batches = st.lists(st.lists(st.integers(0, 4), max_size=SIZE), max_size=6)


class Ring:
    """The memory as a list of (number of the row since the start, descriptor, label)."""

    def __init__(self) -> None:
        self.seen = 0
        self.slots: dict[int, tuple[np.ndarray, int]] = {}

    def add(self, row: np.ndarray, label: int) -> int:
        slot = self.seen % SIZE
        self.slots[slot] = (row, label)
        self.seen += 1
        return slot

    def contents(self) -> tuple[list[np.ndarray], list[int]]:
        places = [self.slots[slot] for slot in sorted(self.slots)]
        return [row for row, _ in places], [label for _, label in places]


def expected(
    config: LossConfig, rows: np.ndarray, labels: list[int], ring: Ring, own: list[int | None]
) -> tuple[float, int]:
    """The loss by plain loops, and how many pairs it rests on."""
    stored, stored_labels = ring.contents()
    pairs = oracle.memory_pairs(labels, stored_labels, own)
    count = max(len(pairs[0]), len(pairs[1]))
    if isinstance(config, ContrastiveConfig):
        return oracle.contrastive(rows, stored, pairs, config.margin, config.positive_margin), count
    if isinstance(config, TripletConfig):
        return oracle.triplet(rows, stored, pairs, config.margin, smooth=config.smooth), count
    assert isinstance(config, MarginConfig)
    return oracle.margin_loss(rows, stored, pairs, config.margin, config.beta, config.nu), count


@each_config
@given(steps=batches)
def test_as_a_plain_list(config: LossConfig, steps: list[list[int]]) -> None:
    loss, ring = create_loss(config, DIM), Ring()
    for step, labels in enumerate(steps):
        rows, numbers = batch(step, labels)
        value = loss(rows, numbers)
        plain = rows.detach().numpy()
        own: list[int | None] = [ring.add(row, label) for row, label in zip(plain, labels, strict=True)]
        wanted, count = expected(config, plain, labels, ring, own)
        if count > 1 or not isinstance(config, ContrastiveConfig):  # the library passes over one single pair of a kind
            assert value.item() == pytest.approx(wanted, abs=1e-5, rel=1e-5)
        stored, stored_labels = loss.memory.contents()
        assert stored_labels.tolist() == ring.contents()[1]
        assert np.array_equal(stored.numpy(), np.array(ring.contents()[0], np.float32).reshape(-1, DIM))
        value.backward()
        assert rows.grad is not None
        assert bool(torch.isfinite(rows.grad).all())


@each_config
@given(masks=st.lists(st.lists(st.tuples(st.integers(0, 4), st.booleans()), max_size=SIZE), max_size=5))
def test_masked_rows_are_stored_and_the_others_are_anchors(
    config: LossConfig, masks: list[list[tuple[int, bool]]]
) -> None:
    loss, ring = create_loss(config, DIM), Ring()
    for step, items in enumerate(masks):
        rows, numbers = batch(step, [label for label, _ in items])
        value = loss(rows, numbers, torch.tensor([masked for _, masked in items], dtype=torch.bool))
        plain = rows.detach().numpy()
        for row, (label, masked) in zip(plain, items, strict=True):
            if masked:
                ring.add(row, label)
        anchors = [index for index, (_, masked) in enumerate(items) if not masked]
        labels = [items[index][0] for index in anchors]
        wanted, count = expected(config, plain[anchors], labels, ring, [None] * len(anchors))
        if count > 1 or not isinstance(config, ContrastiveConfig):
            assert value.item() == pytest.approx(wanted, abs=1e-5, rel=1e-5)
        value.backward()


def run(loss: nn.Module, steps: range) -> list[float]:
    return [loss(*batch(step, [step, step, step + 1, 7])).item() for step in steps]


@each_config
@pytest.mark.parametrize("stop", [1, 2, 4])  # the ring of 10 is part full, part full, wrapped
def test_a_resumed_run_is_exact(config: LossConfig, stop: int) -> None:
    undisturbed = create_loss(config, DIM)
    wanted = run(undisturbed, range(7))
    stopped = create_loss(config, DIM)
    run(stopped, range(stop))
    file = io.BytesIO()
    torch.save(stopped.state_dict(), file)
    file.seek(0)
    resumed = create_loss(config, DIM)
    resumed.load_state_dict(torch.load(file, weights_only=True))
    assert run(resumed, range(stop, 7)) == wanted[stop:]
    for name, value in undisturbed.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], value), name


def test_one_row_is_not_its_own_positive() -> None:
    loss = create_loss(TripletConfig(margin=1.0, memory=SIZE), DIM)
    loss(*batch(0, [1, 2, 3]))
    rows, labels = batch(1, [4])
    value = loss(rows, labels)
    value.backward()
    assert value.item() == 0
    assert rows.grad is not None
    assert not rows.grad.any()


def test_rows_of_an_image_in_memory_are_positives_and_pure_negatives_push() -> None:
    loss = create_loss(ContrastiveConfig(margin=2.0, memory=SIZE), 2)
    loss(torch.tensor([[1.0, 0.0], [-1.0, 0.0]]), torch.tensor([1, 2]))  # the second has no partner anywhere
    value = loss(torch.tensor([[0.0, 1.0], [0.0, 1.0]]), torch.tensor([1, 3]))
    # rows: image 1 at 90 degrees, with its own at 0 (sqrt 2), strangers at 180 (sqrt 2) and in the batch (0);
    # image 3 with three strangers at sqrt 2, sqrt 2 and 0
    root = 2**0.5
    assert value.item() == pytest.approx(root + ((2 - root) + 2 + (2 - root) + (2 - root) + 2) / 5)


def test_no_gradient_reaches_what_is_stored() -> None:
    loss = create_loss(ContrastiveConfig(margin=2.0, memory=SIZE), DIM)
    first, labels = batch(0, [1, 2])
    loss(first, labels)
    second, labels = batch(1, [1, 3])
    loss(second, labels).backward()
    assert first.grad is None
    assert second.grad is not None
    assert not loss.memory.descriptors.requires_grad


def test_batches_are_replaced_oldest_first() -> None:
    memory = Memory(5, 1)
    slots = [memory.enqueue(torch.full((3, 1), float(step)), torch.full((3,), step)).tolist() for step in range(3)]
    assert slots == [[0, 1, 2], [3, 4, 0], [1, 2, 3]]
    descriptors, labels = memory.contents()
    assert labels.tolist() == [1, 2, 2, 2, 1]
    assert descriptors.flatten().tolist() == [1, 2, 2, 2, 1]
    assert int(memory.enqueued) == 9


def test_a_batch_that_does_not_fit() -> None:
    loss = create_loss(ContrastiveConfig(memory=4), DIM)
    with pytest.raises(InputError) as error:
        loss(*batch(0, [1, 1, 2, 2, 3]))
    assert str(error.value) == (
        "loss.memory=4: smaller than one batch of 5 descriptors, counted over all processes: "
        "must be >= 5, or 0 for no memory"
    )
    assert int(loss.memory.enqueued) == 0
