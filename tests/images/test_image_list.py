"""Which images take part: folders, text lists, the DISC layout, and what is said about bad ones."""

from pathlib import Path

import pytest

from imgfp.errors import InputError
from imgfp.images import ImageList


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")


def refused(read, *arguments) -> str:
    with pytest.raises(InputError) as caught:
        read(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_folder_is_searched_through_and_sorted_by_id(tmp_path: Path) -> None:
    touch(
        tmp_path / "z" / "a.JPG",
        tmp_path / "b.png",
        tmp_path / "a" / "c.webp",
        tmp_path / "notes.txt",
        tmp_path / "noext",
    )
    images = ImageList.open(tmp_path)
    assert images.ids == ("a", "b", "c")
    assert [path.name for path in images.paths] == ["a.JPG", "b.png", "c.webp"]
    assert len(images) == 3


def test_a_single_image_is_a_list_of_one(tmp_path: Path) -> None:
    touch(tmp_path / "a.jpg", tmp_path / "b.jpg")
    assert ImageList.open(tmp_path / "a.jpg").ids == ("a",)


def test_missing_folder(tmp_path: Path) -> None:
    assert f"{tmp_path / 'no'}: no such folder or text list: give a folder" in refused(ImageList.open, tmp_path / "no")
    assert f"{tmp_path / 'no'}: no such folder: give a folder" in refused(ImageList.from_folder, tmp_path / "no")


def test_empty_folder_says_what_counts_as_an_image(tmp_path: Path) -> None:
    touch(tmp_path / "notes.txt")
    message = refused(ImageList.open, tmp_path)
    assert f"{tmp_path}: no images found: give a folder with image files (" in message
    assert ".jpg" in message


def test_duplicate_ids_name_both_files(tmp_path: Path) -> None:
    touch(tmp_path / "a.jpg", tmp_path / "sub" / "a.png")
    message = refused(ImageList.open, tmp_path)
    assert "duplicate image id 'a'" in message
    assert str(tmp_path / "a.jpg") in message
    assert str(tmp_path / "sub" / "a.png") in message
    assert "rename or remove one of them" in message


def test_control_character_in_a_name(tmp_path: Path) -> None:
    touch(tmp_path / "a\nb.jpg")
    with pytest.raises(InputError, match="contains a control character: rename the file"):
        ImageList.open(tmp_path)


def test_link_that_leaves_the_folder(tmp_path: Path) -> None:
    touch(tmp_path / "outside.jpg", tmp_path / "in" / "a.jpg")
    (tmp_path / "in" / "b.jpg").symlink_to(tmp_path / "outside.jpg")
    message = refused(ImageList.open, tmp_path / "in")
    assert (
        f"{tmp_path / 'in' / 'b.jpg'}: the link points outside {tmp_path / 'in'}: replace it with a copy of the file or remove it"
        in message
    )


def test_link_within_the_folder_is_an_image(tmp_path: Path) -> None:
    touch(tmp_path / "a.jpg")
    (tmp_path / "b.jpg").symlink_to("a.jpg")
    assert ImageList.open(tmp_path).ids == ("a", "b")


@pytest.fixture
def listing(tmp_path: Path) -> Path:
    touch(tmp_path / "in" / "b.jpg", tmp_path / "in" / "sub" / "a.jpg", tmp_path / "outside.jpg")
    return tmp_path / "in" / "list.txt"


def test_text_list_keeps_its_order_and_reads_first_tokens(listing: Path) -> None:
    listing.write_text("sub/a.jpg 1 2 0.5\n\nb.jpg\n")
    images = ImageList.open(listing)
    assert images.ids == ("a", "b")
    assert images.paths == (listing.parent / "sub/a.jpg", listing.parent / "b.jpg")


def test_text_list_naming_a_missing_file(listing: Path) -> None:
    listing.write_text("b.jpg\nc.jpg\n")
    message = refused(ImageList.open, listing)
    assert message == f"{listing} line 2: 'c.jpg' not found in {listing.parent}: fix the name or remove the line"


@pytest.mark.parametrize("name", ["../outside.jpg", "sub/../../outside.jpg", "{outside}", "link.jpg", "b\0.jpg"])
def test_text_list_leaving_its_root(listing: Path, tmp_path: Path, name: str) -> None:
    (listing.parent / "link.jpg").symlink_to(tmp_path / "outside.jpg")
    listing.write_text("b.jpg\n" + name.format(outside=tmp_path / "outside.jpg") + "\n")
    message = refused(ImageList.open, listing)
    assert f"{listing} line 2: " in message
    assert f"is outside {listing.parent}: use paths inside that folder" in message


def test_text_list_with_duplicate_ids_names_both(listing: Path) -> None:
    touch(listing.parent / "sub" / "b.png")
    listing.write_text("b.jpg\nsub/b.png\n")
    message = refused(ImageList.open, listing)
    assert "duplicate image id 'b'" in message
    assert str(listing.parent / "b.jpg") in message
    assert str(listing.parent / "sub/b.png") in message


@pytest.mark.parametrize("text", ["", "\n  \n"])
def test_empty_text_list(listing: Path, text: str) -> None:
    listing.write_text(text)
    assert refused(ImageList.open, listing) == f"{listing}: the list is empty: give one file name per line"


def test_something_else_given_as_text_list(listing: Path) -> None:
    listing.write_bytes(b"\xff\xd8\xff\xe0 not text")
    assert "not a text file: give a folder of images or a text list of file names" in refused(ImageList.open, listing)


def test_disc_layout(tmp_path: Path) -> None:
    touch(tmp_path / "query_images" / "Q1.jpg", tmp_path / "reference_images" / "R1.jpg")
    assert ImageList.from_disc(tmp_path, "query").ids == ("Q1",)
    assert ImageList.from_disc(tmp_path, "reference").ids == ("R1",)
    message = refused(ImageList.from_disc, tmp_path, "training")
    assert f"{tmp_path}: no folder training_images/: " in message
    assert "ground_truth.csv" in message


def test_a_collection_may_hold_one_name_twice(tmp_path: Path) -> None:
    for name in ("b/x.jpg", "a/x.png", "y.jpg", "a/z.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = ImageList.open_collection(tmp_path)
    assert found.ids == ("a/x.png", "b/x.jpg", "y", "z")
    assert [path.relative_to(tmp_path.resolve()).as_posix() for path in found.paths] == [
        "a/x.png",
        "b/x.jpg",
        "y.jpg",
        "a/z.jpg",
    ]
    with pytest.raises(InputError, match="no such folder or text list"):
        ImageList.open_collection(tmp_path / "none")
