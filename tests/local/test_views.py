"""Further views of a query: the same positions, kept apart, in memory and on disk."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgfp.files import write_json
from imgfp.images import ImageList
from imgfp.local.features import LocalFeatures
from imgfp.local.match import MatchInput
from imgfp.local.sift.sift import SiftConfig, extract_sift
from imgfp.local.sift.views import ONE_VIEW, ViewsConfig, _in_frame, extract_views
from imgfp.local.store import FeatureStore
from imgfp.local.verify import MatchConfig, compare_pair
from imgfp.pipeline.stages.features import feature_stage

pytestmark = pytest.mark.usefixtures("one_process")
SMALL = SiftConfig(side=100)


def test_factors() -> None:
    assert ONE_VIEW.factors == ((1.0, 1.0),)
    assert ViewsConfig(2.0, 1.0).factors == ((1.0, 1.0), (2.0, 2.0))
    assert ViewsConfig(1.0, 1.5).factors == ((1.0, 1.0), (1.5, 1.0), (1.0, 1.5))
    assert len(ViewsConfig(3.0, 1.5).factors) == 4


def test_one_view_is_what_extraction_gives(make_texture) -> None:
    image = make_texture(1)
    views, plain = extract_views(image, SMALL, ONE_VIEW), extract_sift(image, SMALL)
    np.testing.assert_array_equal(views.keypoints, plain.keypoints)
    np.testing.assert_array_equal(views.descriptors, plain.descriptors)
    assert views.views == (len(plain),)


def test_rows_of_views_by_hand(make_features) -> None:
    made = make_features(1, 6)
    item = LocalFeatures(made.keypoints, made.descriptors, 9, 9, (0, 4, 0, 2))
    assert item.view_rows == [slice(0, 0), slice(0, 4), slice(4, 4), slice(4, 6)]
    np.testing.assert_array_equal(item.first_views(1), made.descriptors[:4])
    np.testing.assert_array_equal(item.first_views(2), made.descriptors)
    assert made.view_rows == [slice(0, 6)]
    np.testing.assert_array_equal(made.first_views(1), made.descriptors)
    assert LocalFeatures.none(9, 9).first_views(3).shape == (0, 128)


def test_positions_in_another_frame_by_hand() -> None:
    keypoints = np.array([[-0.5, -0.5, 3, 1], [199.5, 49.5, 3, 1], [9.5, 9.5, 3, 1]], np.float32)
    moved = _in_frame(LocalFeatures(keypoints, np.zeros((3, 128), np.uint8), 200, 50), 100, 100)
    wanted = [[-0.5, -0.5, 3, 1], [99.5, 99.5, 3, 1], [4.5, 19.5, 3, 1]]  # corners stay corners, areas stay equal
    np.testing.assert_allclose(moved.keypoints, wanted)
    assert (moved.width, moved.height) == (100, 100)


def test_every_view_finds_the_keypoints_of_the_unscaled_image(make_texture) -> None:
    image = make_texture(3, 240, 300)
    item = extract_views(image, SMALL, ViewsConfig(2.0, 1.5))
    assert (item.width, item.height, len(item.views)) == (125, 100, 4)
    assert min(item.views) > 20
    reference = MatchInput(extract_sift(image, SMALL), MatchConfig().transforms)
    for rows in item.view_rows:
        view = LocalFeatures(item.keypoints[rows], item.descriptors[rows], item.width, item.height)
        found = compare_pair(MatchInput(view, MatchConfig().transforms), reference, MatchConfig(tolerance=2.0))
        assert len(found.lines) > 10
        assert found.model is not None
        np.testing.assert_allclose(found.model, np.eye(3), atol=1.0)
        np.testing.assert_allclose(found.model[:2, :2], np.eye(2), atol=0.02)


def test_a_small_pasted_copy_is_found_in_the_fine_view_alone(make_texture) -> None:
    original = make_texture(5, 400, 480)
    query = make_texture(6, 400, 480)
    query[150:230, 200:296] = np.asarray(Image.fromarray(original).resize((96, 80), Image.Resampling.LANCZOS))
    reference = MatchInput(extract_sift(original, SMALL), MatchConfig().transforms)
    scores = {
        detail: compare_pair(
            MatchInput(extract_views(query, SMALL, ViewsConfig(detail, 1.0)), MatchConfig().transforms),
            reference,
            MatchConfig(),
        )
        for detail in (1.0, 4.0)
    }
    assert len(scores[4.0].lines) >= 8
    assert len(scores[4.0].lines) > 2 * len(scores[1.0].lines)
    assert scores[4.0].model is not None
    centre = scores[4.0].model @ (59.5, 49.5, 1)  # of the reference's plane of 120 x 100
    np.testing.assert_allclose(centre[:2], (248 / 4 - 0.5, 190 / 4 - 0.5), atol=1.0)


def test_a_view_without_keypoints_among_others(make_features) -> None:
    made = make_features(1, 12)
    plain, with_gap = (LocalFeatures(made.keypoints, made.descriptors, 9, 9, views) for views in ((12,), (0, 12, 0)))
    reference = MatchInput(made, MatchConfig().transforms)
    first, second = (
        compare_pair(MatchInput(item, MatchConfig().transforms), reference, MatchConfig()) for item in (plain, with_gap)
    )
    assert first.matches == 12
    assert (first.score, first.matches) == (second.score, second.matches)
    np.testing.assert_array_equal(first.lines, second.lines)


@pytest.fixture
def stored(image_files: list[Path], tmp_path: Path) -> Path:
    """A store in two views, of one image with keypoints and a flat one."""
    images = ImageList(image_files[0].parent, ("a", "flat"), (image_files[0], image_files[4]))
    feature_stage("features", images, SMALL, tmp_path / "store", ViewsConfig(2.0, 1.0))
    return tmp_path / "store"


def test_a_store_keeps_views(stored: Path) -> None:
    a, flat = (FeatureStore(stored).get(row) for row in range(2))
    assert len(a.views) == len(flat.views) == 2
    assert sum(a.views) == len(a) > 0
    assert flat.views == (0, 0)
    assert [rows.stop for rows in a.view_rows] == [a.views[0], len(a)]


def test_a_store_from_before_there_were_views_is_read(stored: Path) -> None:
    import json

    from imgfp.files import hash_file

    manifest = json.loads((stored / "manifest.json").read_bytes())
    for name in manifest["records"]:
        record = json.loads((stored / name).read_bytes())
        del record["views"]
        write_json(stored / name, record)
        manifest["records"][name] = hash_file(stored / name)
    write_json(stored / "manifest.json", manifest)
    a = FeatureStore(stored).get(0)
    assert a.views == ()
    assert a.view_rows == [slice(0, len(a))]
