"""Every loss: by hand on three directions, by plain loops on random batches, and on batches with nothing to compare."""

import math

import loss_oracle as oracle
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from loss_batches import CONFIGS, DIM, batch

from imgfp.learning.losses import (
    LOSSES,
    ContrastiveConfig,
    InfoNceKoleoConfig,
    LossConfig,
    MarginConfig,
    TripletConfig,
    create_loss,
)

each_config = pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())
# east and north show one image, west a different one: distances sqrt 2, 2 (east-west), sqrt 2 (north-west)
DIRECTIONS = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
IMAGES = torch.tensor([5, 5, 9])
ROOT = math.sqrt(2)


def expected(config: LossConfig, rows: np.ndarray, labels: list[int]) -> float:
    """The loss by plain loops."""
    pairs = oracle.batch_pairs(labels)
    match config:
        case ContrastiveConfig():
            return oracle.contrastive(rows, rows, pairs, config.margin, config.positive_margin)
        case TripletConfig():
            return oracle.triplet(rows, rows, pairs, config.margin, config.swap, config.smooth)
        case MarginConfig():
            return oracle.margin_loss(rows, rows, pairs, config.margin, config.beta, config.nu)
        case InfoNceKoleoConfig():
            return oracle.infonce_koleo(rows, labels, config.temperature, config.entropy_weight)


@pytest.mark.parametrize(
    ("config", "value"),
    [
        (ContrastiveConfig(margin=1.0), ROOT),
        (ContrastiveConfig(margin=2.0), ROOT + (2 - ROOT)),  # east-west is at the margin: a term of 0 is not averaged
        (ContrastiveConfig(margin=2.0, positive_margin=0.5), ROOT - 0.5 + (2 - ROOT)),
        (TripletConfig(margin=1.0), ((ROOT - 2 + 1) + (ROOT - ROOT + 1)) / 2),
        (TripletConfig(margin=1.0, swap=True), 1.0),  # from east the nearer negative distance is north-west
        (TripletConfig(margin=0.0, smooth=True), (math.log1p(math.exp(ROOT - 2)) + math.log(2)) / 2),
        (MarginConfig(margin=0.2, beta=1.2), ROOT - 1.0),
        (MarginConfig(margin=0.5, beta=1.2), (2 * (ROOT - 0.7) + (1.7 - ROOT)) / 3),
        (MarginConfig(margin=0.2, beta=1.2, nu=0.5), ROOT - 1.0 + 0.6),
        (InfoNceKoleoConfig(1.0, 0.0), (math.log1p(math.exp(-1) + 1e-6) + math.log1p(1 + 1e-6)) / 3),
        (InfoNceKoleoConfig(1.0, 6.0), (math.log1p(math.exp(-1)) + math.log(2)) / 3 - 2 * (math.log(2) + 2 * math.log(ROOT))),
    ],
    ids=str,
)  # fmt: skip
def test_by_hand(config: LossConfig, value: float) -> None:
    assert create_loss(config, 2)(DIRECTIONS, IMAGES).item() == pytest.approx(value, abs=2e-6)


@each_config
@given(seed=st.integers(0, 99), labels=st.lists(st.integers(0, 4), max_size=12))
def test_as_plain_loops(config: LossConfig, seed: int, labels: list[int]) -> None:
    rows, numbers = batch(seed, labels)
    loss = create_loss(config, DIM)(rows, numbers)
    assert loss.shape == ()
    assert loss.item() == pytest.approx(expected(config, rows.detach().numpy(), labels), abs=1e-5, rel=1e-5)
    loss.backward()
    assert rows.grad is not None
    assert bool(torch.isfinite(rows.grad).all())


@each_config
def test_more_rows_than_the_exact_distance_takes(config: LossConfig) -> None:
    labels = [number // 2 for number in range(40)]  # above 25 rows distances come from a matrix product
    rows, numbers = batch(1, labels)
    found = create_loss(config, DIM)(rows, numbers).item()
    assert found == pytest.approx(expected(config, rows.detach().numpy(), labels), rel=1e-4)


@each_config
def test_labels_are_names_not_numbers(config: LossConfig) -> None:
    rows, labels = batch(2, [0, 1, 2, 0, 1, 3])
    loss = create_loss(config, DIM)
    assert loss(rows, labels).item() == loss(rows, labels * -(2**40) + 7).item()


@pytest.mark.parametrize(
    "config",
    [
        # positives alone are something to compare, so they are allowed any distance here
        ContrastiveConfig(margin=2.0, positive_margin=1.99),
        ContrastiveConfig(margin=2.0, positive_margin=1.99, memory=20),
        TripletConfig(),
        TripletConfig(swap=True),
        TripletConfig(smooth=True),
        TripletConfig(memory=20),
        TripletConfig(smooth=True, memory=20),
        MarginConfig(nu=0.5),
        MarginConfig(nu=0.5, memory=20),
        InfoNceKoleoConfig(),
    ],
    ids=str,
)
@pytest.mark.parametrize("labels", [[], [3], [3, 3], [3, 3, 3, 3]], ids=["no_row", "one_row", "a_pair", "one_picture"])
def test_nothing_to_compare_is_zero_with_a_graph(config: LossConfig, labels: list[int]) -> None:
    loss = create_loss(config, DIM)
    rows, numbers = batch(3, labels)
    value = loss(rows, numbers)
    assert value.item() == 0
    value.backward()
    assert rows.grad is not None
    assert not rows.grad.any()
    for name, parameter in loss.named_parameters():
        assert parameter.grad is not None, f"{name}: a process that waits for this gradient waits for ever"


@pytest.mark.parametrize("name", ["triplet", "triplet_smooth", "margin"])
def test_without_positives_triplets_are_zero(name: str) -> None:
    rows, labels = batch(4, [0, 1, 2, 3, 4])
    loss = create_loss(CONFIGS[name], DIM)(rows, labels)
    loss.backward()
    assert loss.item() == 0
    assert rows.grad is not None
    assert not rows.grad.any()


@pytest.mark.parametrize("name", ["contrastive", "infonce_koleo"])
def test_without_positives_negatives_are_still_pushed_apart(name: str) -> None:
    rows, labels = batch(4, [0, 1, 2, 3, 4])
    loss = create_loss(CONFIGS[name], DIM)
    first = loss(rows, labels)
    (gradient,) = torch.autograd.grad(first, rows)
    moved = torch.nn.functional.normalize(rows - 0.01 * gradient / gradient.norm())
    assert gradient.any()
    assert loss(moved, labels) < first


@each_config
def test_equal_rows_have_a_finite_gradient(config: LossConfig) -> None:
    rows = torch.nn.functional.normalize(torch.ones(30, DIM)).requires_grad_()
    loss = create_loss(config, DIM)(rows, torch.arange(30) // 3)
    loss.backward()
    assert torch.isfinite(loss)
    assert rows.grad is not None
    assert bool(torch.isfinite(rows.grad).all())


@each_config
def test_half_precision_is_raised_to_single(config: LossConfig) -> None:
    rows, labels = batch(5, [0, 0, 1, 1, 2, 3])
    rounded = rows.detach().bfloat16()
    loss = create_loss(config, DIM)
    wanted = loss(rounded.float(), labels)
    assert wanted.dtype == torch.float32
    assert torch.equal(loss(rounded, labels), wanted)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(loss(rounded.float(), labels), wanted)
        assert torch.equal(loss(rounded, labels), wanted)


@each_config
def test_a_step_downhill_lowers_it(config: LossConfig) -> None:
    rows, labels = batch(6, [0, 0, 1, 1, 2, 2, 3, 4])
    loss = create_loss(config, DIM)
    first = loss(rows, labels)
    (gradient,) = torch.autograd.grad(first, rows)
    assert loss(torch.nn.functional.normalize(rows - 0.01 * gradient / gradient.norm()), labels) < first


@pytest.mark.parametrize("temperature", [0.001, 0.01, 1.0])
def test_no_temperature_overflows(temperature: float) -> None:
    rows, labels = batch(7, [0, 0, 1, 1, 2])
    loss = create_loss(InfoNceKoleoConfig(temperature), DIM)(rows, labels)
    loss.backward()
    assert torch.isfinite(loss)
    assert rows.grad is not None
    assert bool(torch.isfinite(rows.grad).all())


@each_config
@pytest.mark.parametrize("labels", [[0, 0, 1, 1], [0, 1, 2, 3], [0, 0, 0, 0]], ids=str)
@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_a_nan_descriptor_makes_the_loss_nan(config: LossConfig, labels: list[int], value: float) -> None:
    rows, numbers = batch(8, labels)
    broken = rows.detach().clone()
    broken[1, 2] = value
    assert torch.isnan(create_loss(config, DIM)(broken, numbers))


def test_beta_is_the_optimisers_to_train() -> None:
    loss = create_loss(MarginConfig(margin=0.2, beta=1.2), 2)
    names = dict(loss.named_parameters())
    assert [(name, tuple(parameter.shape)) for name, parameter in names.items()] == [("loss.beta", (1,))]
    optimiser = torch.optim.SGD(loss.parameters(), lr=0.1)
    loss(DIRECTIONS, IMAGES).backward()  # two positives beyond beta - margin, no negative within: beta grows by 0.1
    optimiser.step()
    assert names["loss.beta"].item() == pytest.approx(1.3)
    fresh = create_loss(MarginConfig(margin=0.2, beta=1.0), 2)
    fresh.load_state_dict(loss.state_dict())
    assert torch.equal(dict(fresh.named_parameters())["loss.beta"], names["loss.beta"])


def test_the_other_losses_have_no_parameters() -> None:
    for name, config in CONFIGS.items():
        assert (name == "margin") == bool(list(create_loss(config, DIM).parameters()))


def test_registry() -> None:
    assert list(LOSSES) == ["contrastive", "triplet", "margin", "infonce_koleo"]
    assert {type(config) for config in CONFIGS.values()} == set(LOSSES.values())
    for config in LOSSES.values():
        rows, labels = batch(9, [0, 0, 1, 2])
        assert torch.isfinite(create_loss(config(), DIM)(rows, labels))
