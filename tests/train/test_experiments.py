"""Every shipped training experiment, from its file to MLflow, with a micro network on tiny data."""

from pathlib import Path

import pytest
from experiments import ROOT, app_of, experiments_of
from omegaconf import DictConfig

from imgfp.apps.esvit import run_training
from imgfp.encoders import EMBEDDED, load_export
from imgfp.tracking import open_store

EXPERIMENTS = experiments_of("train/esvit.py")


@pytest.fixture(scope="module")
def mlruns(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One store for all: making one takes longer than a training."""
    return tmp_path_factory.mktemp("store") / "mlruns"


def micro(config: DictConfig) -> list[str]:
    """What makes an experiment quick, and leaves it what it is: its loss, its optimiser, its stages, its pairs."""
    stages = 1 if isinstance(config.epochs, int) else len(config.epochs)
    esvit = config.network.architecture != EMBEDDED
    return [
        *(["network=esvit_nano"] if esvit else ["network.architecture=test_efficientnet", "network.pretrained=false"]),
        "network.dim=4",  # fewer than there are photographs, for the PCA
        f"epochs={[1] * stages}",
        f"size={[32 + 8 * stage for stage in range(stages)]}",
        f"pairs.negatives={min(config.pairs.negatives, 2)}",
        f"validation.every_n_epochs={min(config.validation.every_n_epochs, stages)}",
    ]


def test_every_experiment_names_the_app_that_runs_it() -> None:
    assert {"isc_margin", "isc_infonce_koleo", "isc_progressive", "mini_esvit", "mini_efficientnet"} <= {*EXPERIMENTS}
    for path in (ROOT / "conf" / "experiment").glob("*.yaml"):
        assert (ROOT / app_of(path)).is_file()


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_an_experiment_trains(composed, mlruns: Path, quick: list[str], experiment: str) -> None:
    chosen = f"+experiment={experiment}"
    config = composed("esvit", chosen)
    changed = [*quick, *micro(config), f"paths.mlruns={mlruns}"]
    small = composed("esvit", chosen, *changed)
    for part in ("loss", "optimizer", "edits"):
        assert small[part] == config[part], "the test changes how long it trains, not what"

    done = run_training(small, experiment)

    assert done.failures == ()
    assert done.epochs == len(small.epochs)
    assert 0 < done.figures["uap"] <= 1
    assert done.best is not None
    network, card = load_export(done.best)
    assert network.dim == 4
    assert card["experiment"] == experiment
    client = open_store(mlruns).client()
    (found,) = client.search_experiments(filter_string="name = 'esvit'")
    (run,) = client.search_runs([found.experiment_id], filter_string=f"tags.experiment = '{experiment}'")
    assert run.info.status == "FINISHED"
    assert run.data.params["loss.kind"] == card["recipe"]["loss"]["kind"]
    assert max(point.value for point in client.get_metric_history(run.info.run_id, "loss")) > 0
    models = client.search_logged_models([found.experiment_id], filter_string=f"source_run_id = '{run.info.run_id}'")
    assert f"{done.folder.name} epoch {done.epochs}" in {model.name for model in models}
    assert max({metric.key: metric.value for metric in model.metrics}["uap"] for model in models) == done.figures["uap"]
    assert {item.path for item in client.list_artifacts(run.info.run_id)} >= {"config.yaml", "images"}

    # the same again is not trained again, and says the same
    again = run_training(small, experiment)
    assert again == done
    assert len(client.search_runs([found.experiment_id], filter_string=f"tags.experiment = '{experiment}'")) == 1
