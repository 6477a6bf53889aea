"""Values that no loss can work with are refused in one line that names key, value and range."""

import math
from typing import Any

import pytest

from imgfp.errors import InputError
from imgfp.learning.losses import LOSSES, ContrastiveConfig, InfoNceKoleoConfig, MarginConfig, TripletConfig

APART = "unit vectors are at most 2 apart"
DIFFER = "distances of unit vectors differ by at most 2"
WITHIN = "beta - margin and beta + margin must lie within 0..2"
FROM_ABOVE_0 = "must be a number > 0 and <= 2"
FROM_0 = "must be a number >= 0 and <= 2"


@pytest.mark.parametrize("value", [0, 2.0001, math.nan, "1", True])
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("contrastive", f"{APART}: {FROM_ABOVE_0}"),
        ("triplet", f"{DIFFER}: {FROM_ABOVE_0}"),
        ("margin", f"{WITHIN}: must be a number > 0 and <= 1"),
    ],
)
def test_a_margin_that_no_loss_takes(name: str, said: str, value: Any) -> None:
    with pytest.raises(InputError) as error:
        LOSSES[name](margin=value)
    assert str(error.value) == f"loss.margin={value!r}: {said}"


@pytest.mark.parametrize(
    ("config", "values", "said"),
    [
        (ContrastiveConfig, {"positive_margin": -0.1}, f"loss.positive_margin=-0.1: {APART}: {FROM_0}"),
        (ContrastiveConfig, {"positive_margin": math.nan}, f"loss.positive_margin=nan: {APART}: {FROM_0}"),
        (
            ContrastiveConfig,
            {"positive_margin": 1.0},
            "loss.positive_margin=1.0: positives would stay as far apart as negatives: must be < loss.margin=1.0",
        ),
        (TripletConfig, {"margin": -1e-9, "smooth": True}, f"loss.margin=-1e-09: {DIFFER}: {FROM_0}"),
        (
            TripletConfig,
            {"swap": True, "memory": 8},
            "loss.swap=true with loss.memory=8: positives and negatives of the memory are not compared with each other: "
            "set loss.swap=false or loss.memory=0",
        ),
        (
            MarginConfig,
            {"margin": 1.0},
            f"loss.margin=1.0 with loss.beta=1.2: {WITHIN}: choose a margin of at most 0.8 or a beta nearer 1",
        ),
        (
            MarginConfig,
            {"beta": 0.1},
            f"loss.margin=0.2 with loss.beta=0.1: {WITHIN}: choose a margin of at most 0.1 or a beta nearer 1",
        ),
        (MarginConfig, {"beta": -1.2}, f"loss.beta=-1.2: {APART}: {FROM_ABOVE_0}"),
        (MarginConfig, {"beta": 2.5}, f"loss.beta=2.5: {APART}: {FROM_ABOVE_0}"),
        (MarginConfig, {"nu": -0.1}, "loss.nu=-0.1: the weight of beta: must be a number >= 0"),
        (MarginConfig, {"nu": math.inf}, "loss.nu=inf: the weight of beta: must be a number >= 0"),
        (
            InfoNceKoleoConfig,
            {"temperature": 0},
            "loss.temperature=0: cosines are divided by it: must be a number >= 0.001 and <= 1",
        ),
        (
            InfoNceKoleoConfig,
            {"temperature": 20},
            "loss.temperature=20: cosines are divided by it: must be a number >= 0.001 and <= 1",
        ),
        (
            InfoNceKoleoConfig,
            {"entropy_weight": -30},
            "loss.entropy_weight=-30: the weight of the entropy term: must be a number >= 0",
        ),
    ],
)
def test_refused(config: type, values: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as error:
        config(**values)
    assert str(error.value) == said


@pytest.mark.parametrize("memory", [-1, 1.5, "20000", True])
@pytest.mark.parametrize("config", [ContrastiveConfig, TripletConfig, MarginConfig])
def test_bad_memory_sizes(config: type, memory: Any) -> None:
    with pytest.raises(InputError) as error:
        config(memory=memory)
    assert str(error.value) == (
        f"loss.memory={memory!r}: the number of stored descriptors must be an integer >= 0 (0: no memory)"
    )
