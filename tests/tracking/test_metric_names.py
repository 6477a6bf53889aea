"""Only the project's metric names."""

import pytest

from imgfp.tracking.metric_names import check_metric_names


def test_the_names_of_the_project_pass() -> None:
    check_metric_names(["uap", "global/recall_at_1", "local/threshold_at_p90", "merged/uap", "images_per_second"])
    check_metric_names(["crop/recall_at_p90", "map_at_200", "recall_at_25"])
    check_metric_names(["validation/uap", "best/epoch", "baseline/normalised/recall_at_1"])


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("recall@1", "recall_at_1"),
        ("normalised/best/uap", "normalised/uap"),
        ("merged/uAP", "merged/uap"),
        ("branch/uap", "uap"),
        ("zzz", "known: uap"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(name: str, hint: str) -> None:
    with pytest.raises(ValueError, match=f"unknown metric .*{hint}"):
        check_metric_names([name])
