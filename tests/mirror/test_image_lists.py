"""Lists of images, names of feature files, and Oxford's query files."""

from pathlib import Path

import pytest

from imgfp.errors import InputError
from imgfp.mirror.image_lists import oxford_queries, read_image_list


def listed(folder: Path, *lines: str) -> Path:
    path = folder / "images.txt"
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def test_names(tmp_path: Path) -> None:
    """Stems; paths where stems repeat; a missing file is no error yet."""
    images = read_image_list(listed(tmp_path, "a/one.jpg", "", "/b/two words.png"), Path("/data"))
    assert images.ids == ("one", "two words")
    assert images.paths == (Path("/data/a/one.jpg"), Path("/b/two words.png"))
    images = read_image_list(listed(tmp_path, "fox/images/1.jpg", "rock/images/1.jpg", "rock/images/2.jpg"))
    assert images.ids == ("fox/images/1", "rock/images/1", "2")


@pytest.mark.parametrize("lines", [("a/1.jpg", "a/1.png"), ("a/1.jpg", "a/1.jpg")])
def test_two_images_for_one_feature_file(tmp_path: Path, lines: tuple[str, ...]) -> None:
    with pytest.raises(InputError, match=r"would have the same feature file .*1.npy: rename or remove one"):
        read_image_list(listed(tmp_path, *lines))


def test_empty_list(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the list is empty"):
        read_image_list(listed(tmp_path, ""))


def test_oxford_queries(tmp_path: Path) -> None:
    images = read_image_list(listed(tmp_path, "all_souls_1.jpg", "christ_1.jpg", "paris_eiffel_3.jpg"))
    truth = tmp_path / "truth"
    truth.mkdir()
    with pytest.raises(InputError, match=r"no \*_query.txt"):
        oxford_queries(truth, images)
    (truth / "place_2_query.txt").write_text("paris_eiffel_3 1 2 3 4\n")
    (truth / "place_1_query.txt").write_text("oxc1_all_souls_1 136.5 34.1 648.5 955.7")
    queries = oxford_queries(truth, images)
    assert queries.ids == ("place_1", "place_2")
    assert [path.name for path in queries.paths] == ["all_souls_1.jpg", "paris_eiffel_3.jpg"]
    (truth / "place_3_query.txt").write_text("oxc1_magdalen_9 1 2 3 4")
    with pytest.raises(InputError, match="image magdalen_9 is not in the image list"):
        oxford_queries(truth, images)
    (truth / "place_3_query.txt").write_text("christ_1 1 2")
    with pytest.raises(InputError, match="has 3 words"):
        oxford_queries(truth, images)
