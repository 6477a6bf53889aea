"""Learning rates over time, and what decays."""

import math

import pytest
import torch
from torch import nn

from imgfp.learning.config import AdamWConfig, ConstantConfig, CosineConfig, SgdConfig
from imgfp.learning.optimise import create_optimizer, learning_rate_factor


def test_constant_is_constant() -> None:
    factor = learning_rate_factor(ConstantConfig(), 10, 3)
    assert [factor(step) for step in (0, 7, 29)] == [1.0, 1.0, 1.0]


def test_warm_up_rises_in_equal_steps_and_never_starts_at_nothing() -> None:
    factor = learning_rate_factor(ConstantConfig(warmup_epochs=0.4), 10, 3)
    assert [factor(step) for step in range(5)] == pytest.approx([1 / 5, 2 / 5, 3 / 5, 4 / 5, 1])


def test_cosine_ends_at_its_final_share() -> None:
    factor = learning_rate_factor(CosineConfig(warmup_epochs=1, final=0.1), 10, 3)
    assert factor(10) == pytest.approx(1.0)
    assert factor(29) == pytest.approx(0.1)
    half = 10 + 19 / 2
    assert factor(14) == pytest.approx(0.1 + 0.9 * (1 + math.cos(math.pi * 4 / 19)) / 2)
    assert factor(19) > 0.55 > factor(20), half
    assert factor(1000) == pytest.approx(0.1)


@pytest.mark.parametrize("config", [AdamWConfig(lr=0.5, weight_decay=0.1), SgdConfig(lr=0.5, weight_decay=0.1)])
def test_biases_and_norms_do_not_decay(config) -> None:
    network = nn.Sequential(nn.Linear(3, 2), nn.LayerNorm(2))
    network[0].requires_grad_(True)
    optimizer = create_optimizer([network], config)
    decays = {id(item): group["weight_decay"] for group in optimizer.param_groups for item in group["params"]}
    assert {name: decays[id(item)] for name, item in network.named_parameters()} == {
        "0.weight": 0.1,
        "0.bias": 0.0,
        "1.weight": 0.0,
        "1.bias": 0.0,
    }
    assert {group["lr"] for group in optimizer.param_groups} == {0.5}


def test_what_is_frozen_is_left_out_and_a_losss_own_number_learns() -> None:
    network, loss = nn.Linear(3, 2), nn.Module()
    network.weight.requires_grad_(False)
    loss.beta = nn.Parameter(torch.tensor(1.2))
    optimizer = create_optimizer([network, loss], AdamWConfig())
    learning = {id(item) for group in optimizer.param_groups for item in group["params"]}
    assert learning == {id(network.bias), id(loss.beta)}
