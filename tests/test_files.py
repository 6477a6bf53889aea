"""Files are complete or absent; the same value gives the same bytes; what a person can mend is an InputError."""

import hashlib
import json
from pathlib import Path

import pytest

from imgfp.errors import InputError
from imgfp.files import atomic_path, canonical_json, hash_file, hash_value, write_bytes, write_json
from imgfp.threads import libraries_single_threaded, thread_count


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    write_bytes(path, b"old")

    def fail() -> None:
        with atomic_path(path) as temporary:
            temporary.write_bytes(b"half of the new")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_nothing_appears_before_the_end(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "a.bin"
    with atomic_path(path) as temporary:
        temporary.write_bytes(b"new")
        assert not path.exists()
    assert path.read_bytes() == b"new"
    assert list(path.parent.iterdir()) == [path]


def test_leftover_of_a_killed_process_is_overwritten(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "a.bin") as temporary:
        temporary.write_bytes(b"x")
    temporary.write_bytes(b"a leftover that is longer than the next file")
    write_bytes(tmp_path / "a.bin", b"next")
    assert (tmp_path / "a.bin").read_bytes() == b"next"
    assert not temporary.exists()


def test_canonical_json_has_one_spelling(tmp_path: Path) -> None:
    assert canonical_json({"b": 1, "a": [1.5, None, "ä"]}) == '{"a":[1.5,null,"ä"],"b":1}'.encode()
    assert hash_value({"a": 1, "b": 2}) == hash_value({"b": 2, "a": 1}) != hash_value({"a": 1, "b": 3})
    write_json(tmp_path / "a.json", {"b": 1, "a": 2})
    assert json.loads((tmp_path / "a.json").read_text()) == {"a": 2, "b": 1}
    assert (tmp_path / "a.json").read_bytes().endswith(b"}\n")


def test_hash_file_is_sha256(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc" * 100_000)
    assert hash_file(tmp_path / "a") == hashlib.sha256(b"abc" * 100_000).hexdigest()


def test_input_error_is_a_value_error() -> None:
    assert issubclass(InputError, ValueError)


def test_thread_count_is_set_in_one_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMGFP_THREADS", "3")
    assert thread_count() == 3
    monkeypatch.delenv("IMGFP_THREADS")
    unset = thread_count()
    assert unset >= 1
    monkeypatch.setenv("IMGFP_THREADS", "")
    assert thread_count() == unset
    for nonsense in ("0", "-2", "many"):
        monkeypatch.setenv("IMGFP_THREADS", nonsense)
        with pytest.raises(
            InputError, match=f"IMGFP_THREADS='{nonsense}': must be a positive integer: change or unset it"
        ):
            thread_count()


def test_libraries_get_their_threads_back() -> None:
    import cv2
    import torch

    before = torch.get_num_threads(), cv2.getNumThreads()

    def fail() -> None:
        with libraries_single_threaded():
            assert (torch.get_num_threads(), cv2.getNumThreads()) == (1, 1)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert (torch.get_num_threads(), cv2.getNumThreads()) == before
