"""Queries that are trained on are not validated on."""

import re
import shutil
from pathlib import Path

import pytest

from imgfp.errors import InputError
from imgfp.images import ImageList
from imgfp.learning.data import queries_of, refuse_overlap
from imgfp.records import GroundTruth


def queries(root: Path, *ids: str) -> ImageList:
    return queries_of(root, GroundTruth.of([(image_id, "") for image_id in ids]))


def test_other_queries_of_one_folder_are_fine_and_the_tags_say_both(made: Path) -> None:
    folder = made / "query_images"
    assert refuse_overlap(queries(made, "Q1", "Q2"), queries(made, "Q0", "Q3", "Q4")) == {
        "trained_on_queries": f"2 queries of {folder} (Q1 to Q2)",
        "validated_on": f"3 queries of {folder} (Q0 to Q4)",
    }
    assert refuse_overlap(None, queries(made, "Q1"))["trained_on_queries"] == "none"
    assert refuse_overlap(None, None) == {"trained_on_queries": "none", "validated_on": "none"}


def test_the_same_query_is_refused(made: Path) -> None:
    message = (
        f"2 of 3 training queries are in the validation set, first {made}/query_images/Q2.jpg: "
        "choose other queries in validation.ground_truth or in pairs.ground_truth"
    )
    with pytest.raises(InputError, match=re.escape(message)):
        refuse_overlap(queries(made, "Q1", "Q2", "Q4"), queries(made, "Q0", "Q2", "Q4"))


def test_the_same_bytes_elsewhere_are_refused(made: Path, tmp_path: Path) -> None:
    (tmp_path / "query_images").mkdir()
    shutil.copy(made / "query_images" / "Q3.jpg", tmp_path / "query_images" / "X7.jpg")
    shutil.copy(made / "reference_images" / "R1.jpg", tmp_path / "query_images" / "X8.jpg")
    (tmp_path / "query_images" / "X9.jpg").write_bytes((made / "query_images" / "Q4.jpg").read_bytes()[:-1] + b"x")
    trained, validated = queries(made, "Q3", "Q4"), queries(tmp_path, "X7", "X8", "X9")
    with pytest.raises(InputError, match=r"1 of 2 training queries .*Q3\.jpg \(the same bytes as .*X7\.jpg\): choose"):
        refuse_overlap(trained, validated)
    assert refuse_overlap(queries(made, "Q4"), validated)["validated_on"].startswith("3 queries of ")


def test_a_link_to_a_trained_query_is_the_same_file(made: Path, tmp_path: Path) -> None:
    (tmp_path / "query_images").symlink_to(made / "query_images")
    with pytest.raises(InputError, match="1 of 1 training queries are in the validation set"):
        refuse_overlap(queries(made, "Q1"), queries(tmp_path, "Q1"))
