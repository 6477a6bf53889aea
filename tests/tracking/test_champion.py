"""The alias `champion`: upwards on one data set only; what addresses of models name; one entry per weights.

Each test has a store of its own, since there is one champion per store.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from imgfp.encoders import EMBEDDED, EncoderConfig
from imgfp.errors import InputError
from imgfp.files import hash_file, write_json
from imgfp.tracking import (
    Contender,
    Store,
    Weights,
    is_address,
    log_checkpoint,
    log_evaluation,
    mark_removed,
    move_champion,
    open_store,
    resolved_encoder,
    tracked_run,
    weights_of,
)
from imgfp.tracking.checkpoint import PATH_TAG

MINI, OTHER = ("isc-mini", "abc"), ("disc21", "def")
ADDRESS = "models:/imgfp-descriptor@champion"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path / "mlruns")


def exported(folder: Path, epoch: int) -> Weights:
    folder.mkdir(exist_ok=True)
    path = folder / f"epoch-{epoch:03d}.safetensors"
    path.write_bytes(b"weights %d" % epoch)
    write_json(path.with_suffix(".json"), {"sha256": hash_file(path)})
    return Weights(path, path.with_suffix(".json"), hash_file(path), f"mini, lr 0.1 epoch {epoch}")


def evaluated(store: Store, weights: Weights, uap: float, data: tuple[str, str] = MINI) -> Contender:
    with tracked_run(store, "descriptors", weights.title, {}) as run:
        log_evaluation(run, weights, {"uap": uap, "threshold_at_p90": None}, data)
    return Contender(weights, uap, data)


def uap_of_champion(store: Store) -> str:
    return store.client().get_model_version_by_alias("imgfp-descriptor", "champion").tags["uap"]


def test_upwards_on_the_same_data_only(store: Store, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///elsewhere.db")
    first, better, worse = (exported(tmp_path / "a", epoch) for epoch in (1, 2, 3))
    assert move_champion(store, evaluated(store, first, 0.3)) == (
        f"champion: {first.title} is now {ADDRESS}, version 1 (uAP 0.3000 on isc-mini)"
    )
    assert move_champion(store, evaluated(store, worse, 0.2)) == (
        f"champion: not moved: version 1 of imgfp-descriptor has uAP 0.3000 on isc-mini, {worse.title} has 0.2000"
    )
    assert move_champion(store, evaluated(store, worse, 0.3)).startswith("champion: not moved"), "no higher uAP"
    assert os.environ["MLFLOW_TRACKING_URI"] == "sqlite:///elsewhere.db", "the process keeps its own"
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert "is now" in move_champion(store, evaluated(store, better, 0.4))
    assert "MLFLOW_TRACKING_URI" not in os.environ
    again = move_champion(store, evaluated(store, better, 0.4))
    assert again == f"champion: {better.title} is it already, version 2 of imgfp-descriptor (uAP 0.4000 on isc-mini)"

    said = move_champion(store, evaluated(store, worse, 0.9, OTHER))
    assert said.startswith("champion: not moved: version 2 of imgfp-descriptor was chosen on other data (uAP 0.4000 on")
    assert said.endswith("here disc21, digest def): champion=replace chooses on this data from now on")
    assert "other data" in move_champion(store, evaluated(store, worse, 0.9, ("isc-mini", "changed")))
    assert (weights_of(store, "champion").path, uap_of_champion(store)) == (better.path, "0.4")

    assert "before: version 2 (uAP 0.4000 on isc-mini)" in move_champion(
        store, evaluated(store, worse, 0.1, OTHER), "replace"
    )
    assert weights_of(store, ADDRESS).path == worse.path
    assert "other data" in move_champion(store, evaluated(store, better, 0.4))
    assert weights_of(store, "models:/imgfp-descriptor/2").path == better.path
    versions = store.client().search_model_versions("name = 'imgfp-descriptor'")
    assert len(versions) == 3, "only a champion is registered"
    assert all(version.source.startswith("models:/m-") for version in versions)
    assert weights_of(store, versions[0].source).path == worse.path


def test_at_once_the_best_wins(store: Store, tmp_path: Path) -> None:
    uaps = [0.5, 0.2, 0.7, 0.3, 0.6, 0.1]
    found = [evaluated(store, exported(tmp_path / "a", n), uap) for n, uap in enumerate(uaps)]
    with ThreadPoolExecutor(6) as pool:
        said = list(pool.map(lambda contender: move_champion(store, contender), found))
    assert uap_of_champion(store) == "0.7"
    versions = store.client().search_model_versions("name = 'imgfp-descriptor'")
    assert len(versions) == sum("is now" in line for line in said)
    in_order = [float(version.tags["uap"]) for version in sorted(versions, key=lambda version: int(version.version))]
    assert in_order == sorted(in_order), "each is better than the one before"


def test_an_evaluation_joins_the_training_s_entry(store: Store, tmp_path: Path) -> None:
    weights = exported(tmp_path / "a", 1)
    with tracked_run(store, "esvit", "training", {}) as run:
        logged = log_checkpoint(run, weights.path, weights.card, {}, {"uap": 0.35}, 70, ("isc-mini", "sizes"))
    moved = exported(tmp_path / "copy", 1)
    for uap, data in ((0.3, MINI), (0.3, MINI), (0.2, OTHER)):
        evaluated(store, moved, uap, data)
    model = store.client().get_logged_model(logged)
    found = [(item.dataset_name, item.dataset_digest, item.value, item.step) for item in model.metrics]
    assert sorted(found) == [("disc21", "def", 0.2, 0), ("isc-mini", "abc", 0.3, 0), ("isc-mini", "sizes", 0.35, 70)]
    assert model.tags[PATH_TAG] == str(weights.path), "which is still there"
    client = store.client()
    experiment = client.get_experiment_by_name("descriptors").experiment_id
    assert list(client.search_logged_models([experiment])) == [], "no second entry"
    runs = client.search_runs([experiment])
    assert [run.data.metrics["uap"] for run in runs] == [0.2, 0.3, 0.3]
    inputs = [client.get_run(run.info.run_id).inputs.model_inputs for run in runs]
    assert {item.model_id for (item,) in inputs} == {logged}
    assert runs[0].data.tags["threshold_at_p90"] == "never reached"

    for uap, data in ((0.3, MINI), (0.2, OTHER)):  # weights that no training has logged
        evaluated(store, exported(tmp_path / "a", 2), uap, data)
    (model,) = client.search_logged_models([experiment])
    assert model.name == "mini, lr 0_1 epoch 2", "MLflow's models may not have a dot in their names"
    assert {item.dataset_name for item in model.metrics} == {"isc-mini", "disc21"}


def test_an_address_says_what_is_wrong_with_its_file(store: Store, tmp_path: Path) -> None:
    weights = exported(tmp_path / "a", 1)
    with tracked_run(store, "esvit", "training", {}) as run:
        log_checkpoint(run, weights.path, weights.card, {}, {"uap": 0.3}, 70)
        move_champion(store, evaluated(store, weights, 0.3))
        found = weights_of(store, "champion")
        assert found.said == f"imgfp-descriptor version 1, {weights.title}: uAP 0.3000 on isc-mini"
        again = "evaluate a copy of the file to enter its place: python evaluate/descriptors.py checkpoint=FILE"

        weights.path.write_bytes(b"others")
        with pytest.raises(InputError) as caught:
            weights_of(store, "champion")
        assert f"champion: {weights.path} holds other weights (sha256 {hash_file(weights.path)[:12]}" in str(
            caught.value
        )
        weights.path.unlink()
        with pytest.raises(InputError) as caught:
            weights_of(store, ADDRESS)
        assert str(caught.value) == f"{ADDRESS}: {weights.path} is not there: restore it, or {again}"
        mark_removed(run, weights.path, "not among the best 3")
    with pytest.raises(InputError) as caught:
        weights_of(store, "champion")
    assert str(caught.value) == f"champion: its weights were deleted (not among the best 3): {again}"
    kept = exported(tmp_path / "kept", 1)
    evaluated(store, kept, 0.3)
    assert weights_of(store, "champion").path == kept.path, "its place was entered"


def test_unknown_addresses(store: Store, tmp_path: Path) -> None:
    unknown = (
        f"no such model in {store.folder}: evaluate checkpoints first: python evaluate/descriptors.py checkpoint=F"
    )
    no_address = "not a model address: give champion, models:/NAME@ALIAS, models:/NAME/VERSION or models:/MODEL_ID"
    for address, message in {
        "champion": unknown,
        "models:/imgfp-descriptor/7": unknown,
        "models:/m-0123456789abcdef": unknown,
        "models:/x": no_address,
        "models:x/1": no_address,
        "models:/x/latest": no_address,
    }.items():
        assert is_address(address)
        with pytest.raises(InputError) as caught:
            weights_of(store, address)
        assert str(caught.value).startswith(f"{address}: {message}")
        assert "\n" not in str(caught.value)

    # given the alias by hand: nothing is known of it
    client, contender = store.client(), evaluated(store, exported(tmp_path / "a", 1), 0.3)
    client.create_registered_model("imgfp-descriptor")
    client.create_model_version("imgfp-descriptor", "file:///tmp/foreign")
    client.set_registered_model_alias("imgfp-descriptor", "champion", "1")
    with pytest.raises(InputError, match=r"^champion: "):
        weights_of(store, "champion")
    assert "not moved: version 1 of imgfp-descriptor was chosen on other data" in move_champion(store, contender)
    assert "is now" in move_champion(store, contender, "replace")
    with pytest.raises(
        InputError, match=rf"known are {ADDRESS}, models:/imgfp-descriptor/2, models:/imgfp-descriptor/1$"
    ):
        weights_of(store, "models:/imgfp-descriptor/7")


def test_an_encoder_is_resolved_only_where_it_is_an_address(store: Store, tmp_path: Path, capsys) -> None:
    plain = EncoderConfig("test_vit", str(tmp_path / "w"), 96)
    assert resolved_encoder(plain, tmp_path / "none") is plain
    with pytest.raises(InputError, match=r"none: no mlflow\.db found: give an MLflow store"):
        resolved_encoder(EncoderConfig("champion"), tmp_path / "none")
    assert not (tmp_path / "none").exists()
    weights = exported(tmp_path / "a", 1)
    move_champion(store, evaluated(store, weights, 0.3))
    found = resolved_encoder(EncoderConfig("champion", size=96), store.folder)
    assert found == EncoderConfig(EMBEDDED, str(weights.path), 96)
    assert f"encoder champion: {weights.path} (imgfp-descriptor version 1" in capsys.readouterr().err
    with pytest.raises(InputError, match="encoder champion and weights x: give one of them"):
        resolved_encoder(EncoderConfig("champion", "x"), store.folder)
