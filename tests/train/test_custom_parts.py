"""A network and a loss from outside the package: trained, exported, evaluated, resumed."""

from collections.abc import Callable
from pathlib import Path

import pytest
from custom_package import write_package
from omegaconf import DictConfig

from imgfp.apps import esvit
from imgfp.encoders import EncoderConfig, create_encoder, load_export
from imgfp.errors import InputError
from imgfp.plugins import allow_packages
from imgfp.tracking import open_store


@pytest.mark.slow
def test_own_network_and_loss(
    composed: Callable[..., DictConfig], quick: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_package(tmp_path, monkeypatch)
    allow_packages(["outside"])
    own = ["network=custom", "++network={_target_: outside.nets.Small, width: 4}", "loss=custom"]
    own += ["++loss={_target_: outside.losses.Spread}", "loss.margin=0.25"]
    settings = [*own, *quick, "epochs=1", "size=32", "pairs.negatives=1"]
    done = esvit.run_training(composed("esvit", *settings), "mine")
    assert done.best is not None
    network, card = load_export(done.best)
    assert (network.dim, card["architecture"], card["arguments"]) == (8, "outside.nets.Small", {"width": 4, "dim": 8})
    assert card["recipe"]["loss"] == {"_target_": "outside.losses.Spread", "margin": 0.25}
    store = open_store(tmp_path / "mlruns")
    (experiment,) = store.client().search_experiments(filter_string="name = 'esvit'")
    (run,) = store.client().search_runs([experiment.experiment_id])
    assert {key: run.data.params[key] for key in ("network.width", "loss.margin", "loss._target_")} == {
        "network.width": "4",
        "loss.margin": "0.25",
        "loss._target_": "outside.losses.Spread",
    }
    assert run.data.tags["architecture"] == "outside.nets.Small"
    assert create_encoder(EncoderConfig(weights=str(done.best))).dim == 8
    assert esvit.run_training(composed("esvit", *settings), "mine").folder == done.folder, "finished: found again"
    monkeypatch.setenv("IMGFP_PLUGINS", "")
    with pytest.raises(InputError, match="outside is not allowed to run code"):
        esvit.run_training(composed("esvit", *settings), "mine")
    with pytest.raises(InputError, match=r"best\.json names outside\.nets\.Small, and outside is not allowed"):
        create_encoder(EncoderConfig(weights=str(done.best)))
