"""The results of a training, read from its folder."""

import json
from pathlib import Path

import pytest

from imgfp.errors import InputError
from imgfp.images import Failure, write_failures
from imgfp.learning.artifacts import Trained


def test_failures_are_those_of_the_folder_unless_they_are_given(tmp_path: Path) -> None:
    assert Trained.read(tmp_path, 1, False).failures == ()
    listed, given = (Failure(tmp_path / "ä, b.jpg", "cut off"),), (Failure(tmp_path / "c.jpg", "empty"),)
    write_failures(tmp_path / "failures.csv", listed)
    assert Trained.read(tmp_path, 1, False).failures == listed
    assert Trained.read(tmp_path, 1, False, given).failures == given
    assert Trained.read(tmp_path, 1, False, ()).failures == ()


@pytest.mark.parametrize("card", [None, "", '{"figures": {"ua', "[]", '{"size": 32}', '{"figures": 7}'])
def test_one_line_error_for_a_damaged_card(tmp_path: Path, card: str | None) -> None:
    (tmp_path / "best.safetensors").write_bytes(b"")
    (tmp_path / "best.json").write_text(json.dumps({"figures": {"uap": 0.5}}))
    assert Trained.read(tmp_path, 3, True).figures == {"uap": 0.5}
    (tmp_path / "best.json").unlink()
    if card is not None:
        (tmp_path / "best.json").write_text(card)
    with pytest.raises(InputError) as caught:
        Trained.read(tmp_path, 3, True)
    assert str(caught.value) == (
        f"{tmp_path / 'best.json'}: missing or damaged, the figures of the best weights are unknown: "
        "train again with resume=false"
    )
