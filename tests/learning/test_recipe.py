"""A recipe refuses what cannot be, and is known by what decides on the weights."""

from dataclasses import replace

import pytest

from imgfp.encoders import NetworkConfig
from imgfp.errors import InputError
from imgfp.files import canonical_json
from imgfp.learning.config import (
    AdamWConfig,
    ConstantConfig,
    CosineConfig,
    SgdConfig,
    TrainerConfig,
    ValidationConfig,
)
from imgfp.learning.data import PairsConfig
from imgfp.learning.recipe import Recipe


def test_stages_of_growing_image_size() -> None:
    recipe = Recipe(epochs=(2, 1), size=(96, 128))
    assert recipe.total_epochs == 3
    assert [recipe.size_of_epoch(epoch) for epoch in range(4)] == [96, 96, 128, 128]


def test_fingerprint_depends_on_what_decides_the_weights() -> None:
    recipe = Recipe()
    assert recipe.fingerprint() == Recipe().fingerprint()
    assert replace(recipe, pairs=PairsConfig(workers=7)).fingerprint() == recipe.fingerprint()
    assert replace(recipe, validation=ValidationConfig(keep=9)).fingerprint() == recipe.fingerprint()
    others = [
        replace(recipe, seed=1),
        replace(recipe, optimizer=AdamWConfig(lr=2e-4)),
        replace(recipe, schedule=CosineConfig()),
        replace(recipe, trainer=TrainerConfig(ema=0.9)),
        replace(recipe, pairs=PairsConfig(batch=9)),
    ]
    assert len({recipe.fingerprint(), *(other.fingerprint() for other in others)}) == len(others) + 1


def test_runs_that_are_older_than_a_key_are_found_again() -> None:
    """The fingerprints before the keys below existed."""
    old = "5d44b6bb6e9db96365b72582c1aa775833d1148fc7d41b1ae605463a379683a5"
    assert Recipe().fingerprint() == old
    free = TrainerConfig(devices=4, gradient_checkpointing=True, profile=True)
    assert Recipe(trainer=free).fingerprint() == old, "the weights are the same"
    several = Recipe(trainer=TrainerConfig("auto", 1, True, "bf16-mixed"), epochs=(1, 2), size=(64, 96))
    assert several.fingerprint() == "5d5a02128b5c8d466dd793e3b189586d14b9b587a2cdaf9d13170fe7d82ebe48"
    others = [
        Recipe(validation=ValidationConfig(limit=100)),
        Recipe(pairs=PairsConfig(limit_batches=2)),
        Recipe(pairs=PairsConfig(overfit_batches=1)),
        Recipe(trainer=TrainerConfig(precision="16-mixed")),
    ]
    assert len({old, *(other.fingerprint() for other in others)}) == 5


def test_a_precision_has_one_name_and_lightnings() -> None:
    names = {"32-true": "fp32", "bf16-mixed": "bf16", "16-mixed": "16-mixed", "bf16": "bf16", "auto": "auto"}
    assert {name: TrainerConfig(precision=name).precision for name in names} == names
    assert TrainerConfig(precision="32-true") == TrainerConfig(precision="fp32")


def test_kinds_with_equal_settings_differ() -> None:
    assert Recipe(schedule=ConstantConfig()).as_plain()["schedule"]["kind"] == "Constant"
    assert canonical_json(Recipe().as_plain())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Recipe(epochs=(1, 2), size=(224,)), "2 stages, size=[224] has 1"),
        (lambda: Recipe(epochs=(0,)), "epochs=[0]: must be >= 1"),
        (lambda: Recipe(size=(16,)), "size=[16]: must be >= 32"),
        (lambda: Recipe(head="zero"), "head='zero': must be one of random, pca"),
        (lambda: Recipe(head="pca", network=NetworkConfig(dim=0)), "has no effect with network.dim=0"),
        (lambda: Recipe(seed=-1), "seed=-1: must be >= 0"),
        (lambda: Recipe(epochs=(2,), schedule=ConstantConfig(3)), "longer than the run (2 epochs)"),
        (lambda: AdamWConfig(lr=0), "optimizer.lr=0: must be > 0"),
        (lambda: AdamWConfig(lr=float("nan")), "optimizer.lr=nan"),
        (lambda: SgdConfig(momentum=1), "optimizer.momentum=1"),
        (lambda: CosineConfig(final=1), "schedule.final=1"),
        (lambda: TrainerConfig(precision="fp16"), "trainer.precision=fp16: must be one of auto, fp32, bf16, 16-mixed"),
        (lambda: TrainerConfig(ema=1), "trainer.ema=1"),
        (lambda: TrainerConfig(accumulate_grad_batches=0), "trainer.accumulate_grad_batches=0"),
        (lambda: ValidationConfig(keep=0), "validation.keep=0"),
        (lambda: ValidationConfig(limit=0), "validation.limit=0: must be >= 1, or null for all queries"),
        (lambda: TrainerConfig(devices=0), "trainer.devices=0: must be >= 1, or auto: one per GPU"),
        (lambda: TrainerConfig(devices="two"), "trainer.devices=two: must be"),
        (lambda: PairsConfig(limit_batches=0), "pairs.limit_batches=0: must be >= 1"),
        (lambda: PairsConfig(overfit_batches=-1), "pairs.overfit_batches=-1: must be >= 0"),
        (lambda: ValidationConfig(every_n_epochs=0, patience=2), "validation.patience=2: must be unset with"),
    ],
)
def test_one_line_error_for_impossible_settings(make, message: str) -> None:
    with pytest.raises(InputError) as error:
        make()
    assert message in str(error.value)
    assert "\n" not in str(error.value)
