"""`train/esvit.py` in one piece: its switches, samples of any epoch, and what moving an old training aside means."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hydra.errors import ConfigCompositionException

from imgfp.apps import esvit
from imgfp.apps.config_check import one_line
from imgfp.apps.recipe_config import recipe_of, shown
from imgfp.errors import InputError
from imgfp.learning.data import open_training, show_samples
from imgfp.tracking import open_store

MICRO = [
    "+experiment=mini_efficientnet",
    "network.architecture=test_efficientnet",
    "network.pretrained=false",
    "network.dim=4",
    "size=32",
]


@pytest.fixture
def app(composed, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Runs the app with these overrides, as Hydra would."""
    monkeypatch.setattr(esvit, "experiment_choice", lambda default: "mini")
    return lambda *overrides: esvit.train_app(composed("esvit", *MICRO, *overrides))


@pytest.mark.parametrize(
    "given", ["show=abc", "show=1.5", "show_epoch=x", "resume=maybe", "fail_fast=abc", "seed=abc", "seed=true"]
)
def test_a_switch_of_wrong_type_is_refused(composed, given: str) -> None:
    with pytest.raises(ConfigCompositionException) as caught:
        composed("esvit", *MICRO, given)
    line = one_line(caught.value)
    assert given in line
    assert "\n" not in line


@pytest.mark.parametrize(("text", "value"), [("no", False), ("false", False), ("off", False), ("yes", True)])
def test_yes_and_no_are_what_they_say(composed, text: str, value: bool) -> None:
    config = composed("esvit", *MICRO, f"resume={text}", f"fail_fast={text}")
    assert (config.resume, config.fail_fast) == (value, value)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["show=-2"], "show=-2: give the number of samples, or 0 to train"),
        (["show=2", "show_epoch=0"], "show_epoch=0: must be between 1 and the number of epochs (3)"),
        (["show=2", "show_epoch=4"], "show_epoch=4: must be between 1 and the number of epochs (3)"),
        (["show_epoch=2"], "show_epoch=2 has no effect without show: give the number of samples too, such as show=16"),
        (["size=40.5"], "size=40.5: must be an integer, or a list of integers, one per stage"),
        (["epochs=[1,x]"], "epochs=x: must be an integer, or a list of integers, one per stage"),
    ],
)
def test_one_line_error_for_a_bad_number(app, tmp_path: Path, overrides: list[str], message: str) -> None:
    with pytest.raises(InputError) as caught:
        app("epochs=3", *overrides)
    assert str(caught.value) == message
    assert not (tmp_path / "work").exists()


def test_samples_of_any_epoch_are_shown(app, composed, quick: list[str], monkeypatch, training_disc: Path) -> None:
    drawn = {}
    monkeypatch.setattr(esvit, "draw_samples", lambda samples, path: drawn.setdefault(path.name, samples))
    assert app("epochs=3", "show=2", "show_epoch=3", *quick) == 0
    (samples,) = drawn.values()
    config = composed("esvit", *MICRO, "epochs=3", "show=2", "show_epoch=3", *quick)
    recipe = recipe_of(config)
    assert shown(config, recipe) == (2, 2)
    data = open_training(recipe.pairs, recipe.edits, training_disc, recipe.seed, recipe.size_of_epoch)
    wanted, first = show_samples(data, 2, 2), show_samples(data, 2)
    assert [sample.captions for sample in samples] == [sample.captions for sample in wanted]
    for sample, other in zip(samples, wanted, strict=True):
        for image, expected in zip(sample.images, other.images, strict=True):
            np.testing.assert_array_equal(image, expected)
    assert [sample.captions for sample in samples] != [sample.captions for sample in first]


def test_trained_afresh_the_old_checkpoints_are_found_where_they_were_moved(
    composed, quick: list[str], tmp_path: Path
) -> None:
    settings = [*MICRO, "epochs=1", *quick]
    done = esvit.run_training(composed("esvit", *settings), "mini")
    again = esvit.run_training(composed("esvit", *settings, "resume=false"), "mini")
    aside = done.folder.with_name(f"{done.folder.name}.before-1")
    assert again.folder == done.folder
    assert aside.is_dir()
    client = open_store(tmp_path / "mlruns").client()
    (experiment,) = client.search_experiments(filter_string="name = 'esvit'")
    models = client.search_logged_models([experiment.experiment_id])
    places = [Path(model.tags["imgfp.path"]) for model in models]
    assert {place.parent for place in places} == {aside, done.folder}
    assert len(set(places)) == len(places)
    assert all(place.is_file() for place in places)
