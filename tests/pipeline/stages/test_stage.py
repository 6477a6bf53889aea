"""A stage: made once, reused, refused under other settings, repaired where damaged, resumed where interrupted."""

import json
import re
from pathlib import Path

import pytest

from imgfp.errors import InputError
from imgfp.files import hash_file, write_json
from imgfp.images import Failure
from imgfp.pipeline.stages import stage as stages
from imgfp.pipeline.stages.shard import Shard, read_shard
from imgfp.pipeline.stages.stage import Stage, StageResult, run_stage

ITEMS, SIZE = 7, 3


def make(folder: Path, images: int = 8, inputs: str = "abc", items: int = ITEMS, size: int = SIZE) -> Stage:
    return Stage("squares", folder, {"vote": {"views": images, "rule": "x"}}, {"pairs": inputs}, items, size, "numbers")


class Work(stages.Work):
    """Squares of the positions, one file a shard; position 4 fails. `stop_at`: the shard before which Ctrl-C comes."""

    def __init__(self, folder: Path, stop_at: int | None = None) -> None:
        self.__dict__ |= {"folder": folder, "stop_at": stop_at, "made": []}

    def shard(self, number: int, rows: range) -> Shard:
        if number == self.stop_at:
            raise KeyboardInterrupt
        self.made.append((number, list(rows)))
        path = self.folder / f"{number:05d}.txt"
        path.write_text("".join(f"{row * row}\n" for row in rows if row != 4))
        failures = tuple(Failure(Path(f"/images/{row}.jpg"), "is four") for row in rows if row == 4)
        return Shard({"rows": [row for row in rows if row != 4]}, files=(path,), failures=failures)


def run(folder: Path, **changes: object) -> tuple[StageResult, list[int]]:
    work = Work(folder)
    result = run_stage(make(folder, **changes), work)  # type: ignore[arg-type]
    return result, [number for number, _ in work.made]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def done(tmp_path: Path) -> Path:
    run(tmp_path / "done")
    return tmp_path / "done"


def test_shards_hold_items_by_position(tmp_path: Path) -> None:
    work = Work(tmp_path)
    result = run_stage(make(tmp_path), work)
    assert work.made == [(0, [0, 1, 2]), (1, [3, 4, 5]), (2, [6])]
    assert (result.name, result.unit, result.items, result.reused) == ("squares", "numbers", 7, 0)
    assert result.rate is not None
    assert result.peak_mb > 10
    record = read_shard(tmp_path, 1)
    assert record is not None
    assert record["rows"] == [3, 5]
    assert record["files"] == {"00001.txt": hash_file(tmp_path / "00001.txt")}
    assert read_shard(tmp_path, 3) is None
    manifest = json.loads((tmp_path / "manifest.json").read_bytes())
    assert (manifest["stage"], manifest["items"], manifest["shards"]) == ("squares", 7, 3)
    assert manifest["records"]["00002.json"] == hash_file(tmp_path / "00002.json")


def test_a_finished_stage_is_reused(done: Path) -> None:
    before = contents(done)
    result, made = run(done)
    assert made == []
    assert (result.reused, result.items, result.rate) == (7, 7, None)
    assert contents(done) == before


def test_failures_are_collected_also_from_reused_shards(tmp_path: Path) -> None:
    first, _ = run(tmp_path)
    again, _ = run(tmp_path)
    assert first.failures == again.failures == (Failure(Path("/images/4.jpg"), "is four"),)
    assert json.loads((tmp_path / "manifest.json").read_bytes())["failures"] == [["/images/4.jpg", "is four"]]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"images": 9}, "settings.vote.views = 8, now it is 9"),
        ({"inputs": "xyz"}, "inputs.pairs = 'abc', now it is 'xyz'"),
        ({"items": 8}, "items = 7, now it is 8"),
        ({"size": 4}, "shard_size = 3, now it is 4"),
    ],
)
def test_a_different_plan_is_refused_with_the_changed_key(done: Path, change: dict[str, object], expected: str) -> None:
    before = contents(done)
    message = f"{done} was made with {expected}: give another output folder, or delete this one"
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        run(done, **change)
    assert contents(done) == before


def test_a_setting_that_was_not_there_is_named(done: Path) -> None:
    stage = Stage("squares", done, {"vote": {"views": 8, "rule": "x", "new": 1}}, {"pairs": "abc"}, ITEMS, SIZE)
    with pytest.raises(InputError, match=r"settings\.vote\.new = None, now it is 1: "):
        run_stage(stage, Work(done))


def flip(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


@pytest.mark.parametrize("name", ["00001.txt", "00001.json"])
@pytest.mark.parametrize("damage", [flip, lambda data: data[:-4], lambda data: b"", lambda data: b"null", None])
def test_only_a_damaged_shard_is_made_again(done: Path, name: str, damage: object) -> None:
    before = contents(done)
    if callable(damage):
        (done / name).write_bytes(damage(before[name]))
    else:
        (done / name).unlink()
    result, made = run(done)
    assert made == [1]
    assert result.reused == 4
    assert contents(done) == before


def test_a_changed_value_in_a_record_is_noticed(done: Path) -> None:
    before = contents(done)
    text = (done / "00000.json").read_text()
    assert text.count("\n  2\n") == 1
    (done / "00000.json").write_text(text.replace("\n  2\n", "\n  3\n"))
    assert read_shard(done, 0) is None
    assert run(done)[1] == [0]
    assert contents(done) == before


@pytest.mark.parametrize("text", ["", "{", "null", "[]", "7"])
def test_a_damaged_plan_is_refused(done: Path, text: str) -> None:
    (done / "plan.json").write_text(text)
    message = f"{done / 'plan.json'}: damaged: delete {done} and run again"
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        run(done)


@pytest.mark.parametrize("stop_at", [0, 1, 2])
def test_an_interrupted_stage_resumes(done: Path, tmp_path: Path, stop_at: int) -> None:
    folder = tmp_path / "interrupted"
    with pytest.raises(KeyboardInterrupt):
        run_stage(make(folder), Work(folder, stop_at))
    assert not (folder / "manifest.json").exists()
    result, made = run(folder)
    assert made == list(range(stop_at, 3))
    assert result.reused == stop_at * SIZE
    assert contents(folder) == contents(done)


def test_nothing_to_do(tmp_path: Path) -> None:
    result, made = run(tmp_path, items=0)
    assert (made, result.items, result.reused, result.rate, result.failures) == ([], 0, 0, None, ())
    assert json.loads((tmp_path / "manifest.json").read_bytes())["shards"] == 0


def test_a_folder_of_an_earlier_version_is_refused_with_the_new_name(tmp_path: Path) -> None:
    old = Stage("squares", tmp_path, {"vote": {"neighbours": 16}}, {}, ITEMS, SIZE)
    write_json(tmp_path / "plan.json", old.plan)
    with pytest.raises(
        InputError, match=r"made by an earlier version \('vote\.neighbours' was renamed: use 'vote\.k'\): give"
    ):
        run(tmp_path)
