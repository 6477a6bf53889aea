"""`debug=fast|overfit|profile`: over any experiment, and apart from its results."""

from pathlib import Path

import pytest

from imgfp.apps.debug_choice import debug_last
from imgfp.apps.esvit import run_training
from imgfp.apps.recipe_config import recipe_of
from imgfp.tracking import open_store


def test_it_is_added_last_wherever_it_is_given() -> None:
    assert debug_last(["debug=fast", "+experiment=x", "epochs=2", "-m"]) == ["+experiment=x", "epochs=2", "-m", "+debug=fast"]  # fmt: skip
    assert debug_last(["+debug=none", "seed=1"]) == ["seed=1", "+debug=none"]
    assert debug_last(["+experiment=x", "seed=1"]) == ["+experiment=x", "seed=1"]


@pytest.mark.parametrize("experiment", ["mini_efficientnet", "isc_margin_groundtruth", "isc_progressive"])
def test_over_any_experiment(composed, experiment: str) -> None:
    chosen = [f"+experiment={experiment}", "network=esvit_nano"]
    plain = composed("esvit", *chosen)
    recipe = recipe_of(plain)
    for name in ("none", "fast", "overfit", "profile"):
        config = composed("esvit", *chosen, f"+debug={name}")
        found = recipe_of(config)
        assert (found.size, found.loss.__class__, found.edits) == (recipe.size, recipe.loss.__class__, recipe.edits)
        assert config.tracking.experiment == ("esvit" if name == "none" else "debug")
        steps = (found.pairs.limit_batches or 0) * found.total_epochs
        if name == "none":
            assert found == recipe
        elif name == "fast":
            assert steps == 2 * len(recipe.size)
            assert found.validation.limit == 16
        elif name == "overfit":
            assert (steps, found.pairs.overfit_batches) == (100 * len(recipe.size), 1)
            assert getattr(found.loss, "memory", 0) == 0
        else:
            assert found.trainer.profile
            assert (found.pairs.batch, found.pairs.negatives) == (recipe.pairs.batch, recipe.pairs.negatives)
    assert recipe_of(composed("esvit", *chosen, "+debug=fast", "epochs=3")).epochs == (3,) * len(recipe.size)


def test_fast_goes_through_everything(composed, tmp_path: Path) -> None:
    micro = [
        "+experiment=mini_efficientnet",
        "network.architecture=test_efficientnet",
        "network.pretrained=false",
        "network.dim=4",
        "size=32",
    ]
    done = run_training(composed("esvit", *micro, "+debug=fast", "trainer=cpu", "pairs.workers=0"), "mini")
    assert (done.epochs, done.failures) == (1, ())
    assert done.best is not None
    assert 0 < done.figures["uap"] <= 1
    client = open_store(tmp_path / "mlruns").client()
    names = {item.name: item.experiment_id for item in client.search_experiments()}
    assert "esvit" not in names
    (run,) = client.search_runs([names["debug"]])
    assert run.info.status == "FINISHED"
    assert [model.name for model in client.search_logged_models([names["debug"]])] == [f"{done.folder.name} epoch 1"]
