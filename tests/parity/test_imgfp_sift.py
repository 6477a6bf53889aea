"""The seed's local branch on golden/imgfp_sift: plane, keypoints, text form, matches, votes."""

import csv
import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from imgfp.images import read_rgb
from imgfp.local.features import LocalFeatures, transforms_for
from imgfp.local.index.nearest import nearest
from imgfp.local.match import Matches, MatchInput, match
from imgfp.local.sift.extractor_check import same_keypoints
from imgfp.local.sift.plane import limited_range, plane_size, shrink
from imgfp.local.sift.sift import EXTRACTORS, SiftConfig, extract_sift, sift_of_plane
from imgfp.local.text import read_text, write_text
from imgfp.local.vote import imgfp_tally

RATIO = 1.8
TRANSFORMS = transforms_for(mirrored=True, inverted=False)
FEWEST = SiftConfig().least  # images with fewer keypoints count as without


@pytest.fixture(scope="module")
def folder(golden: Path) -> Path:
    return golden / "imgfp_sift"


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        found = list(csv.DictReader(file))
    assert found, f"{path}: no cases"
    return found


@cache
def stored(folder: Path, image_id: str) -> dict[str, np.ndarray]:
    with np.load(folder / "images" / f"{image_id}.npz") as arrays:
        return {name: arrays[name] for name in arrays.files}


@cache
def side(folder: Path, image_id: str) -> MatchInput:
    return MatchInput(
        features(stored(folder, image_id)["keypoints"], stored(folder, image_id)["descriptors"]), TRANSFORMS
    )


@cache
def our_side(folder: Path, image_id: str, extractor: str) -> MatchInput:
    return MatchInput(sift_of_plane(stored(folder, image_id)["luma"], SiftConfig(extractor=extractor)), TRANSFORMS)


@pytest.fixture(scope="module", params=EXTRACTORS)
def extractor(request: pytest.FixtureRequest) -> str:
    return request.param


def features(keypoints: np.ndarray, descriptors: np.ndarray) -> LocalFeatures:
    return LocalFeatures(keypoints.astype(np.float32).reshape(-1, 4), descriptors.reshape(-1, 128), 0, 0)


def same_rows(matches: Matches, wanted: np.ndarray) -> bool:
    return np.array_equal(matches.rows, wanted.reshape(-1, 2))


# --- the plane ---


def test_resized_sizes_are_exact(folder: Path) -> None:
    table = np.genfromtxt(folder / "resize_dims.csv", delimiter=",", names=True)
    assert len(table) > 0
    wrong = [
        (int(row["width"]), int(row["height"]))
        for row in table
        if plane_size(int(row["width"]), int(row["height"]), 300) != (int(row["new_width"]), int(row["new_height"]))
    ]
    assert wrong == []


def test_planes_are_within_one_level(folder: Path) -> None:
    with np.load(folder / "luma_chain.npz") as chain:
        names = sorted(name.split("__")[0] for name in chain.files if name.endswith("__full_range_luma"))
        assert names
        for name in names:
            full, wanted = chain[f"{name}__full_range_luma"], chain[f"{name}__resized_limited_luma"]
            plane = shrink(limited_range(full), *plane_size(full.shape[1], full.shape[0], 300))
            assert plane.shape == wanted.shape, name
            off = np.abs(plane.astype(int) - wanted)
            assert off.max() <= 1, name
            assert (off > 0).mean() <= 0.10, name


# --- keypoints and descriptors ---


# extractor: share of the keypoints found again, largest median squared distance of descriptors, share of equal bytes
BOUNDS = {"compiled": (0.997, 2, 0.99), "pycolmap": (0.995, 140, 0.5)}


def test_keypoints_of_all_planes_together(folder: Path, extractor: str) -> None:
    total = found = extracted = 0
    distances, equal = [], []
    for path in sorted((folder / "images").glob("*.npz")):
        golden = stored(folder, path.stem)
        if "luma" not in golden:
            continue
        total += len(golden["keypoints"])
        ours = our_side(folder, path.stem, extractor).features
        extracted += len(ours)
        if not len(ours):
            continue
        same = same_keypoints(golden["keypoints"], ours.keypoints)
        hit = same.any(1)
        found += int(hit.sum())
        off = golden["descriptors"].astype(int) - ours.descriptors[same.argmax(1)].astype(int)
        distances.append((off**2).sum(1)[hit])
        equal.append((off == 0).mean(1)[hit])
    least_found, largest_distance, least_equal = BOUNDS[extractor]
    assert total > 0
    assert found / total >= least_found
    assert abs(extracted / total - 1) <= 0.01
    assert np.median(np.concatenate(distances)) <= largest_distance
    assert np.concatenate(equal).mean() >= least_equal


def test_nothing_is_found_on_a_flat_plane(folder: Path, extractor: str) -> None:
    few = [
        path.stem for path in (folder / "images").glob("*.npz") if len(stored(folder, path.stem)["keypoints"]) < FEWEST
    ]
    assert few
    for image_id in few:
        if "luma" in stored(folder, image_id):
            assert len(our_side(folder, image_id, extractor).features) == 0


def test_matches_of_imgfp_features(folder: Path, extractor: str) -> None:
    with_planes = {item["id"] for item in json.loads((folder / "images.json").read_text()) if item["luma_stored"]}
    pairs = [pair for pair in rows_of(folder / "pairs.csv") if {pair["query"], pair["reference"]} <= with_planes]
    assert pairs
    for pair in pairs:
        query, reference = (our_side(folder, pair[name], extractor) for name in ("query", "reference"))
        plain, mirrored = match(query, reference, RATIO)
        assert abs(len(plain) - int(pair["count"])) <= 3, pair
        assert abs(len(mirrored) - int(pair["count_mirrored"])) <= 3, pair


def test_count_from_imgfp_decoding(folder: Path, extractor: str) -> None:
    rgb = read_rgb(folder / "Q24789.jpg")
    assert isinstance(rgb, np.ndarray)
    wanted = len(stored(folder, "p00")["keypoints"])
    assert abs(len(extract_sift(rgb, SiftConfig(extractor=extractor))) - wanted) <= 0.03 * wanted


# --- text form ---


def test_published_text_round_trips(folder: Path, tmp_path: Path) -> None:
    published = folder / "Q24789.txt"
    read = read_text(published)
    assert len(read) == len(published.read_text().splitlines())
    write_text(tmp_path / "Q24789.txt", "Q24789", read)
    assert (tmp_path / "Q24789.txt").read_text().splitlines() == [
        line.rstrip(",") for line in published.read_text().splitlines()
    ]


def test_written_text_reads_back(folder: Path, tmp_path: Path) -> None:
    for path in sorted((folder / "images").glob("*.npz")):
        written = features(stored(folder, path.stem)["keypoints"], stored(folder, path.stem)["descriptors"])
        write_text(tmp_path / "x.txt", "an_id_with_underscores", written)
        read = read_text(tmp_path / "x.txt")
        np.testing.assert_allclose(read.keypoints, written.keypoints, rtol=1e-5)
        np.testing.assert_array_equal(read.descriptors, written.descriptors)


# --- matches: exact on the stored features ---


def test_pairs(folder: Path) -> None:
    with np.load(folder / "pair_matches.npz") as wanted:
        for pair in rows_of(folder / "pairs.csv"):
            plain, mirrored = match(side(folder, pair["query"]), side(folder, pair["reference"]), RATIO)
            assert (len(plain), len(mirrored)) == (int(pair["count"]), int(pair["count_mirrored"])), pair
            assert max(len(plain), len(mirrored)) == int(pair["score"]), pair
            assert same_rows(plain, wanted[f"pair{int(pair['pair']):02d}__plain"]), pair
            assert same_rows(mirrored, wanted[f"pair{int(pair['pair']):02d}__mirrored"]), pair


def test_synthetic_matches(folder: Path) -> None:
    cases = json.loads((folder / "match_synthetic.json").read_text())
    assert cases
    with np.load(folder / "match_synthetic.npz") as arrays:
        for case in cases:
            name = case["name"]
            query, reference = (
                MatchInput(
                    features(arrays[f"{name}__{part}_keypoints"], arrays[f"{name}__{part}_descriptors"]), TRANSFORMS
                )
                for part in ("query", "ref")
            )
            plain, mirrored = match(query, reference, RATIO)
            assert same_rows(plain, arrays[f"{name}__matches"]), name
            assert same_rows(mirrored, arrays[f"{name}__matches_mirrored"]), name
            assert (len(plain), len(mirrored)) == (case["count"], case["count_mirrored"]), name


# --- votes ---


def check_tally(expected: dict[str, str], descriptors: np.ndarray, store: np.ndarray, owners: np.ndarray) -> None:
    """`owners`: the name of the image that each row of `store` belongs to."""
    names, owner_codes = np.unique(owners, return_inverse=True)
    distances, rows = nearest(descriptors, [store], 1)
    tally = imgfp_tally(distances[0, :, 0], owner_codes[rows[0, :, 0]])
    assert ("" if tally.emitted is None else names[tally.emitted]) == expected["emitted_reference"], expected
    assert (tally.votes, tally.runner_up) == (int(expected["votes_top"]), int(expected["votes_second"])), expected
    assert tally.mean_distance == pytest.approx(float(expected["mean_top"] or 0), abs=1e-3), expected


def test_synthetic_votes(folder: Path) -> None:
    with np.load(folder / "vote_synthetic/store.npz") as arrays:
        descriptors, owners = arrays["descriptors"], arrays["owners"]
    for expected in rows_of(folder / "vote_synthetic/expected.csv"):
        query = read_text(folder / "vote_synthetic/queries" / f"{expected['query']}.txt")
        check_tally(expected, query.descriptors, descriptors, owners)


def test_real_votes(folder: Path) -> None:
    photos = sorted(path.stem for path in (folder / "images").glob("p*.npz"))
    store = [stored(folder, photo)["descriptors"] for photo in photos]
    owners = np.repeat(photos, [len(part) for part in store])
    for expected in rows_of(folder / "vote_real_expected.csv"):
        descriptors = stored(folder, expected["query"].removeprefix("self"))["descriptors"]
        query = descriptors if len(descriptors) >= FEWEST else descriptors[:0]
        check_tally(expected, query, np.concatenate(store), owners)
