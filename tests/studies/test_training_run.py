"""The folder of a training: found again, refused where it is damaged, moved aside where training restarts."""

from pathlib import Path

import pytest

from imgfp.errors import InputError
from imgfp.images import Failure, write_failures
from imgfp.studies.training_run import RunFolder
from imgfp.tracking import open_store


def test_one_line_error_for_a_damaged_state_that_may_be_moved_aside(tmp_path: Path) -> None:
    store, path = open_store(tmp_path / "mlruns"), tmp_path / "work" / "mini-0"
    RunFolder.open(path, "a" * 8, True, store).note(finished={"epochs": 1, "stopped_early": False})
    for damage in ('{"data_hash": "aaa', "", "7", "\udcff".encode("utf-8", "surrogateescape").decode("latin-1")):
        (path / "run.json").write_text(damage, encoding="latin-1")
        with pytest.raises(InputError) as caught:
            RunFolder.open(path, "a" * 8, True, store)
        assert str(caught.value) == (
            f"{path / 'run.json'}: damaged, it does not record how far this training is: delete it to resume in a new "
            "MLflow run, or start afresh with resume=false"
        )
    folder = RunFolder.open(path, "a" * 8, False, store)
    assert (folder.begun, folder.finished) == (False, None)
    assert (tmp_path / "work" / "mini-0.before-1" / "run.json").exists()


def test_a_finished_training_still_reports_failures(tmp_path: Path) -> None:
    store, path = open_store(tmp_path / "mlruns"), tmp_path / "work" / "mini-0"
    RunFolder.open(path, "a" * 8, True, store).note(finished={"epochs": 1, "stopped_early": False})
    left_out = (Failure(tmp_path / "a, b.jpg", 'said "no"'),)
    write_failures(path / "failures.csv", left_out)
    done = RunFolder.open(path, "a" * 8, True, store).finished
    assert done is not None
    assert done.failures == left_out
