"""A stage on other images is refused, and the first that differs is named."""

from pathlib import Path

import pytest

from imgfp.errors import InputError
from imgfp.images import ImageList
from imgfp.pipeline.stages.inputs import claim_images


def listed(folder: Path, *names: str) -> ImageList:
    return ImageList(folder, tuple(names), tuple(folder / f"{name}.jpg" for name in names))


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for name in "abc":
        (tmp_path / f"{name}.jpg").write_text(name * 9)
    return tmp_path


def test_the_same_images_are_recognised(photos: Path) -> None:
    first = claim_images(photos / "stage", listed(photos, "a", "b"))
    assert first["count"] == 2
    assert claim_images(photos / "stage", listed(photos, "a", "b")) == first


def test_other_bytes_of_the_same_length_are_other_images(photos: Path) -> None:
    claim_images(photos / "stage", listed(photos, "a", "b"))
    (photos / "b.jpg").write_text("x" * 9)
    with pytest.raises(
        InputError, match=r"stage was made from other images \(the first that differs: b, changed\): give"
    ):
        claim_images(photos / "stage", listed(photos, "a", "b"))


@pytest.mark.parametrize(
    ("names", "difference"), [("abc", "c, new"), ("a", "b, removed"), ("ba", "their order"), ("ca", "b, removed")]
)
def test_a_different_list_is_refused(photos: Path, names: str, difference: str) -> None:
    claim_images(photos / "stage", listed(photos, "a", "b"))
    with pytest.raises(InputError, match=f"the first that differs: {difference}"):
        claim_images(photos / "stage", listed(photos, *names))


def test_a_damaged_list_is_written_again(photos: Path) -> None:
    first = claim_images(photos / "stage", listed(photos, "a", "b"))
    for damaged in ("[1, 2]", "{", "null"):
        (photos / "stage" / "images.json").write_text(damaged)
        assert claim_images(photos / "stage", listed(photos, "a", "b")) == first
