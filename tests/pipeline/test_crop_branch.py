"""The crop branch: a copy pasted small on a page is found by its crop, its box is where it was pasted, and nothing else changes."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgfp.errors import InputError
from imgfp.fusion import FusionConfig
from imgfp.images import ImageList
from imgfp.pipeline.preset import Preset
from imgfp.pipeline.presets import PRESETS
from imgfp.pipeline.run_config import RunConfig
from imgfp.pipeline.search import SearchResult, find
from imgfp.records import Pairs

pytestmark = pytest.mark.usefixtures("one_process")
ALL = ("local", "global", "crop")
LEFT, TOP, WIDTH, HEIGHT = 60, 150, 250, 230


@pytest.fixture(scope="module")
def sets(small_set, tmp_path_factory) -> tuple[ImageList, ImageList]:
    """Queries: reference 2 on a page, reference 3 as it is, and a page with nothing."""
    folder = tmp_path_factory.mktemp("pasted")
    page = np.full((420, 640, 3), 244, np.uint8)
    Image.fromarray(page).save(folder / "blank.png")
    page[TOP : TOP + HEIGHT, LEFT : LEFT + WIDTH] = np.asarray(Image.open(small_set.references / "ref2.png"))
    Image.fromarray(page).save(folder / "pasted.png")
    Image.open(small_set.references / "ref3.png").save(folder / "whole.png")
    return ImageList.open(folder), ImageList.open(small_set.references)


def preset_of(name: str) -> Preset:
    preset = PRESETS[name]
    return replace(preset, crop=replace(preset.crop, finder="classical"))


def found(sets, out: Path, name: str = "default", branches=ALL, preset: Preset | None = None) -> SearchResult:
    return find(*sets, out, RunConfig(name, preset or preset_of(name), branches))


def best(pairs: Pairs) -> dict[str, str]:
    ranked = pairs.best_first()
    return dict(zip(ranked.query_ids.tolist()[::-1], ranked.reference_ids.tolist()[::-1], strict=True))


@pytest.mark.parametrize("name", PRESETS)
def test_a_pasted_copy_is_found_by_its_crop(sets, tmp_path, name) -> None:
    result = found(sets, tmp_path / "out", name)
    assert best(result.branches["crop"]) == {"pasted": "ref2"}
    answers = best(result.predictions)
    assert (answers["pasted"], answers["whole"]) == ("ref2", "ref3")
    assert result.crops is not None
    shares = [LEFT / 640, TOP / 420, (LEFT + WIDTH) / 640, (TOP + HEIGHT) / 420]
    item = next(item for item in result.candidates.evidence if item.part and item.reference_id == "ref2")
    assert (item.query_id, item.part) == ("pasted", "pasted.1")
    if name == "default":
        assert item.box == pytest.approx(shares, abs=0.02), "relative to the whole query"
    assert result.crops.voted.box("pasted.1") == pytest.approx(shares, abs=0.03)


def test_imgfp_adds_the_crops_matches_and_describes_the_crop_in_place_of_the_query(sets, tmp_path) -> None:
    result = found(sets, tmp_path / "out", "imgfp")
    branches = {
        branch: dict(zip(pairs.id_pairs(), pairs.scores.tolist(), strict=True))
        for branch, pairs in result.branches.items()
    }
    total = dict(zip(result.predictions.id_pairs(), result.predictions.scores.tolist(), strict=True))
    pair = ("pasted", "ref2")
    assert total[pair] == sum(scores.get(pair, 0) for scores in branches.values())
    assert branches["crop"][pair] > 0
    assert len([query for query, _ in branches["global"] if query == "pasted"]) == 1
    assert best(result.branches["global"])["pasted"] == "ref2", "the crop is the reference itself"


def test_killed_or_repeated_it_gives_the_same_bytes_and_reuses(sets, tmp_path, contents) -> None:
    out = tmp_path / "out"
    found(sets, out)
    before = contents(out)
    (out / "work" / "crop_scores" / "manifest.json").unlink()
    next((out / "work").glob("crops-*/images/*.jpg")).unlink()
    again = found(sets, out)
    assert contents(out) == before
    assert all(stage.reused == stage.items for stage in again.stages)


def test_any_subset_of_the_branches(sets, tmp_path) -> None:
    for branches in (("crop",), ("global", "crop"), ("local", "crop")):
        result = found(sets, tmp_path / "-".join(branches), branches=branches)
        assert result.branches.keys() == set(branches)
        assert best(result.predictions)["pasted"] == "ref2"
    without = found(sets, tmp_path / "without", branches=("local", "global"))
    assert without.crops is None
    assert all(not item.part for item in without.decided.values())


def test_no_query_with_a_crop(sets, tmp_path) -> None:
    queries = ImageList(sets[0].root, ("whole",), tuple(p for p in sets[0].paths if p.stem == "whole"))
    result = find(queries, sets[1], tmp_path / "out", RunConfig("default", preset_of("default"), ALL))
    assert len(result.branches["crop"]) == 0
    assert best(result.predictions) == {"whole": "ref3"}


def test_weights_leave_a_branch_out_and_move_the_odds(sets, tmp_path) -> None:
    result = found(sets, tmp_path / "out")

    def merged(**weights: float) -> Pairs:
        from imgfp.pipeline.rank import calibration_of, rank_merged

        fusion = FusionConfig(weights={"local": 1.0, "global": 1.0, "crop": 1.0} | weights)
        preset = replace(preset_of("default"), fusion=fusion)
        calibration = calibration_of(preset)
        return rank_merged(preset, calibration, result.candidates)[0]

    def odds(pairs: Pairs) -> float:
        score = dict(zip(pairs.id_pairs(), pairs.scores.tolist(), strict=True))["whole", "ref3"]
        return score / (1 - score)

    assert odds(merged(local=0.25, **{"global": 0.25})) == pytest.approx(odds(merged()) / 4, rel=1e-6)
    without = found(sets, tmp_path / "without", branches=("local", "global")).predictions
    for name in ("query_ids", "reference_ids", "scores"):
        assert getattr(merged(crop=0), name).tolist() == getattr(without, name).tolist(), (
            "crop=0: as without the branch"
        )


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"lokal": 1.0}, r"^fusion\.weights='lokal': must be one of local, global, crop$"),
        ({"crop": -1.0}, r"^fusion\.weights\.crop=-1\.0: must be a number >= 0$"),
        (
            {"local": 0.0, "global": 0.0, "crop": 0.0},
            r"^fusion\.weights: all are 0: give at least one branch a weight$",
        ),
    ],
)
def test_impossible_weights(weights, message) -> None:
    with pytest.raises(InputError, match=message):
        Preset(fusion=FusionConfig(weights=weights))


def test_impossible_crop_settings() -> None:
    preset = PRESETS["default"]
    with pytest.raises(InputError, match=r"^crop\.finder='yolo': must be one of auto, learned, classical$"):
        replace(preset, crop=replace(preset.crop, finder="yolo"))
    with pytest.raises(InputError, match=r"^crop\.rules='all': must be one of default, imgfp$"):
        replace(preset, crop=replace(preset.crop, rules="all"))


def test_unreadable_images_tiny_crops_and_the_rule_verified(sets, tmp_path, monkeypatch) -> None:
    """An unreadable query is reported; a crop of one pixel has no keypoints and finds nothing."""
    from imgfp.detection import Box, Detection
    from imgfp.detection.finders import ClassicalFinder

    folder = tmp_path / "queries"
    folder.mkdir()
    for path in sets[0].paths:
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / "broken.jpg").write_bytes(b"not an image")
    boxes = [Detection(Box(10.2, 10.2, 11.3, 11.4), 0.9), Detection(Box(LEFT, TOP, LEFT + WIDTH, TOP + HEIGHT), 0.8)]
    monkeypatch.setattr(ClassicalFinder, "__call__", lambda self, image: boxes if image.shape[1] == 640 else [])
    preset = replace(preset_of("default"), fusion=FusionConfig(rule="verified"))
    result = find(ImageList.open(folder), sets[1], tmp_path / "out", RunConfig("default", preset, ALL))
    assert [failure.path.name for failure in result.failures] == ["broken.jpg"]
    assert best(result.predictions)["pasted"] == "ref2"
    assert result.crops is not None
    assert result.crops.voted.box("pasted.1") == (10 / 640, 10 / 420, 11 / 640, 11 / 420)
    assert {item.part for item in result.candidates.evidence} >= {"pasted.2"}


def test_an_index_is_searched_with_crops_though_it_knows_none(sets, tmp_path) -> None:
    from imgfp.pipeline.index.index import build_index, open_index
    from imgfp.pipeline.search import search

    preset = preset_of("default")
    build_index(sets[1], tmp_path / "index", RunConfig("default", preset, ("local",)))
    run = RunConfig("default", preset, ("local", "crop"))
    result = search(open_index(tmp_path / "index"), sets[0], tmp_path / "out", run)
    assert best(result.branches["crop"])["pasted"] == "ref2"
