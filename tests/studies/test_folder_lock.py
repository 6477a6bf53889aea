"""One process for a folder: who holds it is told, and nothing is left of what never began."""

import json
import time
from pathlib import Path
from threading import Thread

import pytest

from imgfp.errors import InputError
from imgfp.studies.folder_lock import folder_lock


def test_the_second_is_told_who_is_first(tmp_path: Path) -> None:
    folder, lock = tmp_path / "work" / "mini-0", tmp_path / "work" / ".mini-0.lock"
    with folder_lock(folder, "search"):
        folder.mkdir()
        holder = json.loads(lock.read_bytes())
        with pytest.raises(InputError) as caught, folder_lock(folder, "search"):
            pass
        assert str(caught.value) == (
            f"{folder}: this search is running already (process {holder['pid']} on {holder['host']} since "
            f"{holder['since']}): wait for it, or stop it and start again"
        )
        lock.write_bytes(b"{")  # read while it is written
        with pytest.raises(InputError, match="is running already: wait for it"), folder_lock(folder, "search"):
            pass
        with folder_lock(tmp_path / "work" / "mini-1"):
            pass
    with folder_lock(folder):  # what a former holder wrote holds nothing
        pass


def test_the_second_waits_where_it_is_asked_to(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, events = tmp_path / "mini-0", []

    def second() -> None:
        with folder_lock(folder, "evaluation", wait=True):
            events.append("second")

    other = Thread(target=second)
    with folder_lock(folder, "evaluation"):
        other.start()
        while "waiting for it" not in (said := capsys.readouterr().err):
            assert other.is_alive()
            time.sleep(0.01)
        assert f"{folder}: this evaluation is running already (process " in said
        events.append("first")
    other.join()
    assert events == ["first", "second"]
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_left_of_what_was_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such data"), folder_lock(tmp_path / "mini-0"):
        raise InputError("no such data")
    assert list(tmp_path.iterdir()) == []
