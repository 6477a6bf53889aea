"""train/tune.py: trials as MLflow children, resumed where it stopped; bad spaces refused before the first trial."""

from collections.abc import Callable
from pathlib import Path

import pytest
from optuna.pruners import ThresholdPruner

from imgfp.apps import tune
from imgfp.apps.esvit import run_training
from imgfp.apps.tune import Found, run_search
from imgfp.errors import InputError
from imgfp.learning.artifacts import Diverged, Trained
from imgfp.tracking import open_store

PARENT = "mlflow.parentRunId"


@pytest.fixture
def search(composed, quick: list[str]) -> Callable[..., Found]:
    """Searches with these overrides."""
    micro = ["network.architecture=test_efficientnet", "network.pretrained=false", "network.dim=4", "size=32", *quick]

    def run(*overrides: str) -> Found:
        given = ["+experiment=mini_efficientnet", *micro, *overrides]
        config = composed("tune", *given)
        found = run_search(config, "mini", given, lambda others: composed("tune", *others))
        run.given = [text for text in given if not text.startswith("search.")]
        return found

    return run


def test_a_search_resumes(search, composed, tmp_path: Path, monkeypatch) -> None:
    space = (
        "search.space={optimizer.lr: 'tag(log, interval(1e-4, 1e-2))', loss: 'choice(contrastive, triplet)', "
        "loss.margin: 'interval(0.5, 1.0)'}"
    )
    train = tune.run_training
    tried = []

    def stopped(config, name: str, parent: str | None, judge) -> Trained:
        tried.append((config.optimizer.lr, config.loss.margin))
        if len(tried) == 2:
            raise KeyboardInterrupt
        if len(tried) == 4:
            raise Diverged("the loss became nan")
        return train(config, name, parent, judge)

    monkeypatch.setattr(tune, "run_training", stopped)
    with pytest.raises(KeyboardInterrupt):
        search(space, "search.trials=2")
    found = search(space, "search.trials=2")
    assert len(tried) == 3
    assert tried[1] == tried[2] != tried[0], "the stopped trial resumes with its own values; the first is not repeated"
    found = search(space, "search.trials=3")
    assert len(tried) == 4
    results = found.search.results
    assert [uap is None for _, uap in results] == [False, False, True]

    client = open_store(tmp_path / "mlruns").client()
    (experiment,) = client.search_experiments(filter_string="name = 'esvit'")
    runs = client.search_runs([experiment.experiment_id])
    (parent,) = [run for run in runs if PARENT not in run.data.tags]
    children = [run for run in runs if PARENT in run.data.tags]
    assert {run.data.tags[PARENT] for run in children} == {parent.info.run_id}
    assert len(children) == 2, "the third never started its run"
    best, uap = found.search.best
    judged = [point.value for run in children for point in client.get_metric_history(run.info.run_id, "validation/uap")]
    assert parent.data.metrics["uap"] == uap == max(judged)  # of any trained epoch
    assert parent.data.tags["best.optimizer.lr"] == best.values["optimizer.lr"]
    assert parent.data.tags["best.command"] == found.command
    assert [point.step for point in client.get_metric_history(parent.info.run_id, "best/uap")] == [0, 1, 2]

    # the command finds the very training of the best trial
    program, script, *overrides = found.command.split()
    assert (program, script) == ("python", "train/esvit.py")
    assert not any(text.startswith("search.") for text in overrides)
    monkeypatch.undo()
    again = train(composed("esvit", *overrides), "mini")
    assert again.figures["uap"] == uap
    assert len(client.search_runs([experiment.experiment_id])) == len(runs)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ["search.space={optimizer.lrr: 'interval(1e-4, 1e-2)'}"],
            "search.space: unknown config key 'optimizer.lrr' (did you mean 'optimizer.lr'?)",
        ),
        (
            ["search.space={optimizer.lr: log 1e-4 1e-2}"],
            "search.space: optimizer.lr='log 1e-4 1e-2': not a range: give",
        ),
        (["search.space={search.trials: 'interval(1, 2)'}"], "search.space: unknown config key 'search.trials'"),
        (
            ["search.space={loss: 'choice(triplet, infonce_koleo)', loss.margin: 'interval(0.5, 1.0)'}"],
            "search.space: unknown config key 'loss.margin' where loss=infonce_koleo",
        ),
        (
            ["search.space={loss: 'choice(triplet, tripplet)'}"],
            "search.space: loss=tripplet: no such choice: did you mean",
        ),
        (["search.space={loss.margin: 'interval(0.5, 3.0)'}"], "loss.margin=3.0: unit vectors are at most 2 apart"),
        (["search.space={optimizer.lr: 'interval(-1, 1)'}"], "optimizer.lr=-1.0: must be > 0"),
        (["search.trials=0"], "search.trials=0: must be >= 1"),
        (
            ["validation.every_n_epochs=0"],
            "validation.every_n_epochs=0: a search compares trainings by their uAP: must be >= 1",
        ),
        (["trainer.devices=2"], "trainer.devices=2: a search trains in one process: leave it at 1"),
        (["trainer=ddp"], "trainer.distributed=true: a search trains in one process"),
    ],
)
def test_a_space_is_refused_before_the_first_trial(search, tmp_path: Path, overrides: list[str], message: str) -> None:
    with pytest.raises(InputError) as error:
        search(*overrides)
    assert str(error.value).startswith(message)
    assert not (tmp_path / "work").exists()


def test_without_a_space_the_rate_varies(search, monkeypatch, tmp_path: Path) -> None:
    rates = []

    def trained(config, name: str, parent: str | None, judge) -> Trained:
        rates.append(config.optimizer.lr)
        return Trained(tmp_path, None, {"uap": 0.5}, 1, False, ())

    monkeypatch.setattr(tune, "run_training", trained)
    found = search("search.trials=4", "optimizer.lr=1e-3")
    assert all(1e-4 <= rate <= 1e-2 for rate in rates)
    assert len(set(rates)) == 4
    assert found.search.best == found.search.results[0], "of equals the first"
    assert not found.command.count("optimizer.lr=1e-3 ")


def test_a_pruned_trial_ends_cleanly_and_may_be_trained_to_its_end(
    search, composed, tmp_path: Path, monkeypatch, capsys
) -> None:
    monkeypatch.setattr(tune, "median_pruner", lambda epochs: ThresholdPruner(lower=2.0, n_warmup_steps=2))
    found = search("search.trials=1", "epochs=3", "search.space={optimizer.lr: 'interval(1e-4, 1e-3)'}")
    (result,) = found.search.trials
    assert (result.state, result.epoch) == ("pruned", 2)
    assert found.command == "", "it is not the best"
    assert "trial 0 was pruned after epoch 2" in capsys.readouterr().err
    client = open_store(tmp_path / "mlruns").client()
    (experiment,) = client.search_experiments(filter_string="name = 'esvit'")
    (run,) = [run for run in client.search_runs([experiment.experiment_id]) if PARENT in run.data.tags]
    assert (run.info.status, run.data.tags["pruned"]) == ("FINISHED", "after epoch 2")
    judged = {point.step: point.value for point in client.get_metric_history(run.info.run_id, "uap")}
    assert result.uap in judged.values()

    config = composed("tune", *search.given, *result.trial.overrides())
    done = run_training(config, "mini")
    assert done.epochs == 3
    assert "after epoch 2 of 3 from" in capsys.readouterr().err
