"""A whole training on synthetic photographs: its results, how it resumes, how it fails."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from learning_notes import TRAINING, Notes
from safetensors.torch import load_file

from imgfp.encoders import (
    EncoderConfig,
    NetworkConfig,
    create_encoder,
    create_network,
    encoder_from_network,
    load_export,
)
from imgfp.errors import InputError
from imgfp.learning import training_callback, validation_check
from imgfp.learning.artifacts import BEST, LAST
from imgfp.learning.config import AdamWConfig, SgdConfig, TrainerConfig, ValidationConfig
from imgfp.learning.data import PairsConfig
from imgfp.learning.losses import ContrastiveConfig, InfoNceKoleoConfig, MarginConfig, TripletConfig
from imgfp.learning.overview import processor_name
from imgfp.learning.recipe import Recipe
from imgfp.learning.trainer import on_gpu, validation_precision
from imgfp.studies.training_summary import training_summary


def same_bytes(one: Path, other: Path, epoch: int) -> None:
    name = f"epoch-{epoch:03d}.safetensors"
    assert (one / name).read_bytes() == (other / name).read_bytes()


def test_files_of_a_training(training, micro: Recipe, tmp_path: Path) -> None:
    notes = Notes()
    done = training(micro, tmp_path, notes)
    assert (done.epochs, done.stopped_early, done.failures) == (2, False, ())
    steps = -(-TRAINING // 3)
    assert [(name, step) for name, step, _ in notes.checkpoints] == [("epoch-001", steps), ("epoch-002", 2 * steps)]
    for figures in (*notes.untrained, *(figures for _, _, figures in notes.checkpoints)):
        assert 0 <= figures["uap"] <= 1
        assert {"recall_at_1", "recall_at_p90", "normalised/uap"} <= figures.keys()
    losses = [figures["loss"] for _, figures in notes.points if "loss" in figures]
    assert len(losses) == 2 * steps
    assert all(loss > 0 for loss in losses)
    assert [figures["epoch"] for _, figures in notes.points if "loss" in figures] == [
        step / steps for step in range(1, 2 * steps + 1)
    ]
    assert notes.points[-1][1] == {"failed_images": 0.0, "epoch": 2.0}

    # the result is that of the best trained epoch; the untrained network stands beside it
    by_epoch = {epoch: notes.checkpoints[epoch - 1][2] for epoch in (1, 2)}
    best = max((1, 2), key=lambda epoch: (by_epoch[epoch]["uap"], -epoch))
    assert (tmp_path / f"{BEST}.safetensors").resolve().stem == f"epoch-{best:03d}"
    assert (done.best, done.best_epoch) == (tmp_path / f"{BEST}.safetensors", best)
    assert notes.bests == [(1, by_epoch[1]), (best, by_epoch[best])]
    assert notes.results == [done.figures] == [by_epoch[best]]
    assert notes.untrained == [done.baseline]
    assert not (tmp_path / "epoch-000.safetensors").exists()

    # what is exported is what was validated, with a card that says how it was made
    network, card = load_export(tmp_path / "epoch-002.safetensors")
    assert card["recipe"] == micro.as_plain()
    assert card["figures"] == by_epoch[2]
    assert (card["experiment"], card["epoch"], card["size"]) == ("test", 2, 32)
    assert network.dim == 8
    assert create_encoder(EncoderConfig(weights=str(tmp_path / "epoch-002.safetensors"))).dim == 8
    first, last = (load_file(tmp_path / f"epoch-00{epoch}.safetensors") for epoch in (1, 2))
    assert any(not torch.equal(first[name], last[name]) for name in first if name.endswith("weight"))


def test_an_untrained_network_is_never_the_best(
    training, micro: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has the highest uAP: neither the weights nor early stopping take notice."""
    real = training_callback.validate
    values = iter([0.9, 0.1, 0.3, 0.2, 0.2, 0.2])

    def validated(*arguments):
        figures, failures = real(*arguments)
        return {**figures, "uap": next(values)}, failures

    monkeypatch.setattr(training_callback, "validate", validated)
    notes = Notes()
    done = training(
        micro, tmp_path, notes, epochs=(9,), validation=ValidationConfig(background=0, patience=2), loss=TripletConfig()
    )
    assert (done.figures["uap"], done.best_epoch, done.baseline["uap"]) == (0.3, 2, 0.9)
    assert done.stopped_early
    assert done.epochs == 4, "two validations without a better uAP than the second's"
    assert done.below_baseline
    assert "untrained 0.9000" in training_summary(done)
    assert [epoch for epoch, _ in notes.bests] == [1, 2, 2, 2]


def test_the_start_says_what_runs_where(training, micro: Recipe, tmp_path: Path, capsys) -> None:
    notes = Notes(fail_at=5)
    folder = tmp_path / "run"
    with pytest.raises(RuntimeError, match="power cut"):
        training(micro, folder, notes)
    said = capsys.readouterr().err.splitlines()
    parameters = sum(item.numel() for item in create_network(micro.network).parameters())
    lines = dict(line.split(maxsplit=1) for line in said[:6])
    assert lines["device"].startswith(f"cpu ({processor_name()}), fp32, ")
    assert lines["network"] == f"test_efficientnet, {parameters:,} trainable parameters"
    assert (
        lines["training"] == f"{TRAINING} photographs, 2 epochs of 4 batches of 3 (2 views and 1 negative each), 32 px"
    )
    assert lines["validation"] == "set: 4 queries x 4 references, every epoch"
    assert (lines["folder"], lines["MLflow"]) == (str(folder), "make ui")
    assert said[6].startswith("baseline (untrained): uap ")
    assert said[7].startswith("epoch 1/2: uap ")
    assert notes.facts == {
        "device": f"cpu ({processor_name()})",
        "precision": "fp32",
        "threads": str(torch.get_num_threads()),
        "torch": torch.__version__,
        "folder": str(folder.resolve()),
    }
    training(micro, folder)
    again = capsys.readouterr().err.splitlines()
    assert again[0] == f"resuming    after epoch 1 of 2 from {folder / LAST}"
    assert not any("baseline" in line for line in again)


def test_validation_is_tried_right_after_the_first_step(
    training, micro: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A validation that cannot work ends the training there and not after an epoch; out of memory is one line."""

    def fails(network, judged, size, precision) -> None:
        assert network.training
        assert (len(judged.queries), len(judged.references), size) == (4, 4, 32)
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB. GPU 0 has")

    monkeypatch.setattr(validation_check, "validate", fails)
    notes = Notes()
    with pytest.raises(InputError) as error:
        training(micro, tmp_path, notes, trainer=TrainerConfig(precision="fp32", accumulate_grad_batches=2))
    assert str(error.value).startswith("CUDA out of memory in epoch 1 at step 1: lower pairs.batch (")
    assert [step for step, figures in notes.points if "loss" in figures] == [0, 1]
    assert len(notes.untrained) == 1, "which was possible without gradients"


def test_hyper_parameters_are_plain_and_a_checkpoint_holds_no_code(training, micro: Recipe, tmp_path: Path) -> None:
    training(micro, tmp_path, epochs=(1,))
    stored = torch.load(tmp_path / LAST, weights_only=True)
    assert stored["hyper_parameters"]["recipe"] == replace(micro, epochs=(1,)).as_plain()
    json.dumps(stored["hyper_parameters"]["recipe"])


def test_an_interrupted_run_resumes_to_the_same_weights(training, micro: Recipe, tmp_path: Path) -> None:
    """With everything that has a memory: descriptors, averaged weights, mined negatives, momentum, dropped paths."""
    recipe = replace(
        micro,
        trainer=TrainerConfig(precision="fp32", ema=0.9, accumulate_grad_batches=2),
        pairs=PairsConfig(batch=3, negatives=2, hard_negatives=1, workers=0),
        optimizer=SgdConfig(),
        epochs=(1, 2),
        size=(32, 40),
    )
    training(recipe, tmp_path / "whole")
    for step in (1, 3, 4):  # in the first epoch, in the second, between them
        cut = tmp_path / f"cut at {step}"
        with pytest.raises(RuntimeError, match="power cut"):
            training(recipe, cut, Notes(fail_at=step))
        done = training(recipe, cut)
        assert done.epochs == 3
        same_bytes(tmp_path / "whole", cut, 3)


def test_the_reported_loss_is_that_of_a_batch_however_many_are_added_up(
    training, micro: Recipe, tmp_path: Path
) -> None:
    first = []
    for steps in (1, 2):
        notes = Notes()
        still = replace(
            micro, optimizer=SgdConfig(lr=1e-12), epochs=(1,), validation=ValidationConfig(every_n_epochs=0)
        )
        training(
            still, tmp_path / str(steps), notes, trainer=TrainerConfig(precision="fp32", accumulate_grad_batches=steps)
        )
        first.append(next(figures["loss"] for _, figures in notes.points if "loss" in figures))
    assert first[0] == pytest.approx(first[1])


def test_workers_change_nothing(training, micro: Recipe, tmp_path: Path) -> None:
    training(micro, tmp_path / "none", epochs=(1,))
    training(micro, tmp_path / "two", epochs=(1,), pairs=replace(micro.pairs, workers=2))
    same_bytes(tmp_path / "none", tmp_path / "two", 1)


@pytest.mark.parametrize(
    "loss",
    [TripletConfig(memory=64), MarginConfig(), InfoNceKoleoConfig()],
    ids=lambda loss: type(loss).__name__,
)
def test_every_loss_trains(training, micro: Recipe, tmp_path: Path, loss) -> None:
    notes = Notes()
    training(micro, tmp_path, notes, loss=loss, epochs=(1,), validation=ValidationConfig(every_n_epochs=0))
    assert notes.checkpoints == []
    assert not (tmp_path / f"{BEST}.safetensors").exists()
    assert (tmp_path / LAST).is_file()


def test_a_learnt_boundary_is_learnt(training, micro: Recipe, tmp_path: Path) -> None:
    training(micro, tmp_path, loss=MarginConfig(), optimizer=AdamWConfig(lr=0.01), epochs=(1,))
    state = torch.load(tmp_path / LAST, weights_only=True)["state_dict"]
    (beta,) = [tensor for name, tensor in state.items() if name.startswith("loss.") and "beta" in name]
    assert beta.item() != pytest.approx(1.2)


def test_an_esvit_trains_with_a_head_from_pca(training, micro: Recipe, tmp_path: Path) -> None:
    notes = Notes()
    training(micro, tmp_path, notes, network=NetworkConfig("esvit_nano", dim=8), head="pca", epochs=(1,))
    assert [name for name, _, _ in notes.checkpoints] == ["epoch-001"]


def test_only_the_best_stay_on_disk(training, micro: Recipe, tmp_path: Path) -> None:
    notes = Notes()
    training(micro, tmp_path, notes, epochs=(4,), validation=ValidationConfig(background=0, keep=1))
    left = sorted(path.stem for path in tmp_path.glob("epoch-*.safetensors"))
    assert len(left) <= 2
    assert "epoch-004" in left
    assert sorted([*left, *notes.gone]) == [f"epoch-{epoch:03d}" for epoch in range(1, 5)]
    assert all(not path.with_suffix(".json").exists() for path in map(tmp_path.joinpath, notes.gone))


def test_it_stops_without_improvement(training, micro: Recipe, tmp_path: Path) -> None:
    still = replace(micro, optimizer=SgdConfig(lr=1e-12), validation=ValidationConfig(background=0, patience=2))
    done = training(still, tmp_path, epochs=(9,))
    assert done.stopped_early
    assert done.epochs < 9


def test_unreadable_photograph_is_reported(training, micro: Recipe, synthetic_set: Path, tmp_path: Path) -> None:
    broken = tmp_path / "photographs"
    broken.mkdir()
    for path in (synthetic_set / "training_images").iterdir():
        (broken / path.name).write_bytes(path.read_bytes()[:200] if "3" in path.name else path.read_bytes())
    done = training(micro, tmp_path / "run", pairs=replace(micro.pairs, photographs=str(broken)))
    assert [failure.path.name for failure in done.failures] == ["T000003.jpg"]
    assert "T000003.jpg" in (tmp_path / "run" / "failures.csv").read_text()


def test_a_nan_loss_stops_and_names_the_last_good_checkpoint(
    training, micro: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from imgfp.learning.module import DescriptorTraining

    step = DescriptorTraining.training_step

    def spoilt(self, batch, place):
        made = step(self, batch, place)
        return made | {"loss": made["loss"] * float("nan")} if self.current_epoch == 1 else made

    monkeypatch.setattr(DescriptorTraining, "training_step", spoilt)
    with pytest.raises(InputError) as error:
        training(micro, tmp_path)
    message = str(error.value)
    assert message.startswith("the loss became nan in epoch 2 at step ")
    assert f"the last good checkpoint is {tmp_path / LAST}; lower optimizer.lr (now 0.001)" in message
    assert "\n" not in message
    monkeypatch.undo()
    assert training(micro, tmp_path).epochs == 2  # and resumes from there


@pytest.mark.parametrize("every", [0, 1])
def test_weights_spoilt_by_the_last_step_are_not_saved(training, micro: Recipe, tmp_path: Path, every: int) -> None:
    """The loss of every step is a number; what the last one left is not."""
    one_step = replace(micro, pairs=PairsConfig(batch=10, negatives=0, workers=0), optimizer=SgdConfig(lr=1e30))
    with pytest.raises(InputError) as error:
        training(
            one_step,
            tmp_path,
            validation=ValidationConfig(every_n_epochs=every),
            trainer=TrainerConfig("cpu", precision="fp32", gradient_clip_val=0.0),
        )
    assert "the network's descriptors are no longer finite in epoch 1" in str(error.value)
    assert "no checkpoint was saved" in str(error.value)
    assert not (tmp_path / LAST).exists()
    assert not (tmp_path / "epoch-001.safetensors").exists()


def test_unreadable_validation_image_is_reported(training, micro: Recipe, synthetic_set: Path, tmp_path: Path) -> None:
    spoilt = tmp_path / "set"
    shutil.copytree(synthetic_set, spoilt)
    (spoilt / "reference_images" / "R000001.jpg").write_bytes(b"not an image")
    done = training(micro, tmp_path / "run", root=spoilt)
    assert [failure.path.name for failure in done.failures] == ["R000001.jpg"]


def test_queries_among_the_training_photographs_are_refused(
    training, micro: Recipe, synthetic_set: Path, tmp_path: Path
) -> None:
    copies = tmp_path / "copies"
    shutil.copytree(synthetic_set / "training_images", copies)
    shutil.copy(synthetic_set / "query_images" / "Q00002.jpg", copies / "innocent.jpg")
    with pytest.raises(InputError, match=r"1 training photographs are queries of the validation set, first .*innocent"):
        training(micro, tmp_path / "run", pairs=replace(micro.pairs, photographs=str(copies)))


def test_a_run_killed_after_it_was_stopped_early_stays_stopped(training, micro: Recipe, tmp_path: Path) -> None:
    still = replace(micro, optimizer=SgdConfig(lr=1e-12), validation=ValidationConfig(background=0, patience=2))
    first = training(still, tmp_path, epochs=(9,))
    again = training(still, tmp_path, epochs=(9,))  # as if nobody had noted that it was finished
    assert first.stopped_early
    assert again.stopped_early
    assert again.epochs == first.epochs


@pytest.mark.parametrize("spoil", ["truncated", "other"])
def test_one_line_error_for_an_unreadable_last_checkpoint(training, micro: Recipe, tmp_path: Path, spoil: str) -> None:
    training(micro, tmp_path, epochs=(1,))
    last = tmp_path / LAST
    last.write_bytes(last.read_bytes()[:1000] if spoil == "truncated" else b"not a checkpoint")
    with pytest.raises(InputError) as error:
        training(micro, tmp_path, epochs=(2,))
    assert "cannot be read" in str(error.value)
    assert "resume=false" in str(error.value)
    assert "\n" not in str(error.value)


def test_one_line_error_for_an_unavailable_gpu(training, micro: Recipe, tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(InputError, match="torch sees no GPU here: use trainer=cpu"):
        training(micro, tmp_path, trainer=TrainerConfig(accelerator="gpu"))


def test_checkpointed_gradients_make_the_same_network(training, micro: Recipe, tmp_path: Path) -> None:
    """Batch norms too: a batch that is run again counts once."""
    once = replace(micro, epochs=(1,), validation=ValidationConfig(background=0, start=False))
    for name, checkpointed in (("plain", False), ("checkpointed", True)):
        trainer = TrainerConfig(precision="fp32", gradient_checkpointing=checkpointed)
        training(once, tmp_path / name, trainer=trainer)
    plain, other = (load_file(tmp_path / name / "epoch-001.safetensors") for name in ("plain", "checkpointed"))
    assert any(name.endswith("running_mean") for name in plain)
    for name, tensor in plain.items():
        torch.testing.assert_close(other[name], tensor, rtol=1e-4, atol=1e-5, msg=name)


def test_validation_computes_in_the_precision_of_the_training(synthetic_set: Path) -> None:
    torch.manual_seed(0)
    network = create_network(NetworkConfig("test_efficientnet", dim=8))
    encoder, seen = encoder_from_network(network, 32), {}
    images = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), np.uint8)
    for precision in ("fp32", "bf16"):
        with validation_precision(TrainerConfig(precision=precision)):
            seen[precision] = encoder.encode(images)
    np.testing.assert_array_equal(seen["fp32"], encoder.encode(images))
    assert 0 < np.abs(seen["bf16"] - seen["fp32"]).max() < 0.05
    assert seen["bf16"].dtype == np.float32


def test_one_line_error_for_fp16_without_a_gpu() -> None:
    for accelerator in ("cpu", "auto"):
        if accelerator == "cpu" or not torch.cuda.is_available():
            with pytest.raises(InputError, match=r"^trainer\.precision=16-mixed: needs a GPU: use trainer=gpu, or"):
                on_gpu(TrainerConfig(accelerator, precision="16-mixed"))


def test_whether_a_batch_was_learned_by_heart(training, micro: Recipe, tmp_path: Path, capsys) -> None:
    pairs = PairsConfig(batch=3, negatives=0, workers=0, overfit_batches=1, limit_batches=60)
    still = replace(micro, pairs=pairs, loss=ContrastiveConfig(), validation=ValidationConfig(every_n_epochs=0))
    training(still, tmp_path / "yes", optimizer=AdamWConfig(lr=0.01), epochs=(1,))
    assert "overfit: yes: the loss went from " in capsys.readouterr().err
    few = replace(pairs, limit_batches=3)
    training(still, tmp_path / "no", optimizer=AdamWConfig(lr=1e-9), epochs=(1,), pairs=few)
    said = capsys.readouterr().err
    assert "overfit: no: the loss went from " in said
    assert "in 3 steps, wanted <= 0." in said


def test_a_profile_of_the_steps(training, micro: Recipe, tmp_path: Path, capsys) -> None:
    pairs = PairsConfig(batch=1, negatives=0, workers=0, limit_batches=8)
    quick = replace(micro, pairs=pairs, epochs=(1,), validation=ValidationConfig(every_n_epochs=0))
    training(quick, tmp_path, trainer=TrainerConfig(precision="fp32", profile=True))
    said = capsys.readouterr().err
    table, trace = tmp_path / "profile" / "fit-steps.txt", tmp_path / "profile" / "steps.json"
    assert f"profile: {table}: time by operation, of 5 steps" in said
    assert f"profile: {trace}: " in said
    listed = table.read_text()
    assert "aten::convolution" in listed
    assert "dataloader_next" in listed, "what steps wait for"
    assert json.loads(trace.read_text())["traceEvents"]
