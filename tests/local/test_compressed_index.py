"""Compressed indexes against the exact one and faiss's own, on synthetic descriptors in clusters, as real ones are."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from imgfp.errors import InputError
from imgfp.local.features import transform_descriptors, transforms_for
from imgfp.local.index.byte_kmeans import byte_centres, nearest_centre
from imgfp.local.index.codebook import (
    SUB_QUANTISERS,
    Codebook,
    draw_sample,
    read_codebook,
    train_codebook,
    write_codebook,
)
from imgfp.local.index.compressed_index import CompressedIndex
from imgfp.local.index.index_config import KINDS
from imgfp.local.index.merged import Encoded, merge, open_merged
from imgfp.local.index.nearest import NO_DISTANCE, nearest

COMPRESSED = tuple(KINDS)[1:]
LISTS, IMAGES, EACH = 16, 40, 50
OWNERS = np.repeat(np.arange(IMAGES), EACH).astype(np.int32)


@dataclass
class Source:
    """IMAGES images of EACH descriptors."""

    descriptors: np.ndarray
    fingerprint = "synthetic"

    def __post_init__(self) -> None:
        self.ids = tuple(f"R{number}" for number in range(IMAGES))
        self.offsets = np.arange(IMAGES + 1) * EACH

    def blocks(self):
        return iter(np.array_split(self.descriptors, 7))


@pytest.fixture(scope="module")
def source() -> Source:
    rng = np.random.default_rng(0)
    middles = rng.gamma(0.5, 20, (60, 128))
    rows = middles[rng.integers(0, 60, IMAGES * EACH)] * rng.uniform(0.6, 1.4, (IMAGES * EACH, 128))
    return Source((rows / np.linalg.norm(rows, axis=1, keepdims=True) * 255).round().astype(np.uint8))


@pytest.fixture(scope="module", params=COMPRESSED)
def built(request, source, tmp_path_factory) -> tuple[Codebook, CompressedIndex, Path]:
    folder = tmp_path_factory.mktemp(request.param)
    codebook = train_codebook(request.param, source, LISTS)
    merge(folder, [lambda: shard_of(codebook, source.descriptors, OWNERS)], LISTS, codebook.code_size)
    merged = open_merged(folder, LISTS, codebook.code_size, IMAGES)
    return codebook, CompressedIndex(codebook, merged, source.ids, "x", LISTS), folder


def shard_of(codebook: Codebook, descriptors: np.ndarray, owners: np.ndarray) -> Encoded:
    lists = nearest_centre(descriptors, codebook.centres)[0]
    order = np.argsort(lists, kind="stable")
    codes = codebook.encode(descriptors, lists)
    return Encoded(lists[order].astype(np.int32), codes[order], owners[order])


def test_sq8_with_every_list_is_the_exact_search_in_every_form(source, tmp_path) -> None:
    codebook = train_codebook("ivf_sq8", source, LISTS)
    merge(tmp_path, [lambda: shard_of(codebook, source.descriptors, OWNERS)], LISTS, 128)
    index = CompressedIndex(codebook, open_merged(tmp_path, LISTS, 128, IMAGES), source.ids, "x", LISTS)
    transforms = transforms_for(True, True)
    queries = transform_descriptors(source.descriptors[::9], transforms[2])
    distances, rows = nearest(queries, source.blocks(), 1, transforms)
    found = index.search(queries, 1, transforms)
    assert found.distances.dtype == found.owners.dtype == np.int32
    assert np.array_equal(found.distances, distances)
    alone = distances[:, :, 0] == 0
    assert alone[2].all()
    assert np.array_equal(found.owners[2], rows[2] // EACH)


def test_a_stored_descriptor_finds_its_image(built, source) -> None:
    _, index, _ = built
    found = index.search(source.descriptors[::7], 8, transforms_for(False, False))
    right = np.arange(IMAGES * EACH)[::7] // EACH
    assert (found.owners[0] == right[:, None]).any(axis=1).mean() > 0.85
    assert (np.diff(found.distances[0].astype(np.int64), axis=1) >= 0).all()


def test_estimates_are_in_the_unit_of_exact_distances(built, source) -> None:
    _, index, _ = built
    queries = source.descriptors[::11][:, ::-1].copy()
    exact = nearest(queries, source.blocks(), 4)[0][0].astype(float)
    estimated = index.search(queries, 4, transforms_for(False, False)).distances[0].astype(float)
    assert np.median(np.abs(estimated / exact - 1)) < 0.1


def test_fewer_than_k_neighbours(built, source) -> None:
    codebook, _, folder = built
    narrow = CompressedIndex(codebook, open_merged(folder, LISTS, codebook.code_size, IMAGES), source.ids, "x", 1)
    found = narrow.search(source.descriptors[:3], 1500, transforms_for(False, False))
    assert (found.owners[:, :, -1] == -1).all()
    assert (found.distances[:, :, -1] == NO_DISTANCE).all()
    assert ((found.owners >= 0) == (found.distances < NO_DISTANCE)).all()


def test_no_query_descriptors(built) -> None:
    found = built[1].search(np.zeros((0, 128), np.uint8), 8, transforms_for(True, False))
    assert found.owners.shape == (2, 0, 8)


def test_an_empty_index_finds_nothing(built, tmp_path) -> None:
    codebook = built[0]
    merge(tmp_path, [], LISTS, codebook.code_size)
    index = CompressedIndex(codebook, open_merged(tmp_path, LISTS, codebook.code_size, 0), (), "x", 4)
    assert (index.search(np.zeros((2, 128), np.uint8), 3, transforms_for(False, False)).owners == -1).all()


def test_fingerprint_depends_on_codes_and_nprobe(built, source) -> None:
    codebook, index, folder = built
    merged = open_merged(folder, LISTS, codebook.code_size, IMAGES)
    same, other = (CompressedIndex(codebook, merged, source.ids, *rest) for rest in (("x", LISTS), ("y", LISTS)))
    fewer = CompressedIndex(codebook, merged, source.ids, "x", 2)
    assert same.fingerprint == index.fingerprint
    assert len({index.fingerprint, other.fingerprint, fewer.fingerprint}) == 3
    assert f"2 of {LISTS} lists of {IMAGES * EACH:,} reference descriptors" in fewer.needs(100, 8, 4)


def test_a_code_does_not_depend_on_its_neighbours(built, source) -> None:
    codebook = built[0]
    lists = nearest_centre(source.descriptors, codebook.centres)[0]
    together = codebook.encode(source.descriptors, lists)
    for row in (0, 1, 777):
        alone = source.descriptors[row : row + 1]
        assert nearest_centre(alone, codebook.centres)[0] == lists[row]
        assert np.array_equal(codebook.encode(alone, lists[row : row + 1])[0], together[row])


def test_merging_keeps_order_and_leaves_out(built, source, tmp_path, monkeypatch) -> None:
    codebook = built[0]
    kept = OWNERS % 3 != 1
    half = 20 * EACH
    shards = [
        shard_of(codebook, source.descriptors[part], np.where(kept, OWNERS, -1)[part].astype(np.int32))
        for part in (slice(0, half), slice(half, None))
    ]
    monkeypatch.setattr("imgfp.local.index.merged.CHUNK_BYTES", codebook.code_size * 300)
    for folder, given in (("one", [shard_of(codebook, source.descriptors[kept], OWNERS[kept])]), ("two", shards)):
        merge(tmp_path / folder, [lambda shard=shard: shard for shard in given], LISTS, codebook.code_size)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()
    merged = open_merged(tmp_path / "two", LISTS, codebook.code_size, IMAGES)
    assert sorted(merged.owners.tolist()) == OWNERS[kept].tolist()


def test_merged_files_of_a_different_codebook_or_list_are_refused(built) -> None:
    codebook, _, folder = built
    with pytest.raises(InputError, match=r"its files do not belong to one codebook: delete .* again$"):
        open_merged(folder, LISTS + 1, codebook.code_size, IMAGES)
    with pytest.raises(InputError, match=r"owners.npy: names image 39 of 39: delete .* again$"):
        open_merged(folder, LISTS, codebook.code_size, IMAGES - 1)


def test_a_codebook_is_read_as_it_was_written(built, source, tmp_path) -> None:
    codebook = built[0]
    _, record = write_codebook(tmp_path, codebook)
    assert read_codebook(tmp_path, record).fingerprint == codebook.fingerprint
    assert codebook.trained_on == IMAGES * EACH
    assert train_codebook(codebook.kind, source, LISTS).fingerprint == codebook.fingerprint
    np.save(tmp_path / "centres.npy", codebook.centres[:, :64])
    with pytest.raises(InputError, match=r"centres of shape \(16, 64\) uint8, not \(lists, 128\) uint8: "):
        read_codebook(tmp_path, record)


def test_samples_are_drawn_from_all_blocks(source) -> None:
    assert np.array_equal(draw_sample(source, 10_000), source.descriptors)
    few = draw_sample(source, 300)
    assert 200 < len(few) <= 300
    assert np.array_equal(few, draw_sample(source, 300))
    assert len(np.unique(few, axis=0)) == len(few)


def test_centres_are_the_means_of_their_clusters() -> None:
    rng = np.random.default_rng(1)
    middles = np.array([[20] * 128, [120] * 128, [220] * 128])
    sample = (np.repeat(middles, 200, axis=0) + rng.integers(-9, 10, (600, 128))).astype(np.uint8)
    centres = byte_centres(sample, 3)
    assert np.abs(np.sort(centres.astype(int), axis=0) - middles).max() <= 2
    rows, distances = nearest_centre(sample[:5], centres)
    wide = ((sample[:5, None].astype(int) - centres[None].astype(int)) ** 2).sum(axis=2)
    assert np.array_equal(distances, wide.min(axis=1))
    assert np.array_equal(rows, wide.argmin(axis=1))


def test_an_empty_cluster_gets_a_new_centre() -> None:
    sample = np.concatenate([np.full((50, 128), 10), np.full((50, 128), 200), np.full((1, 128), 90)]).astype(np.uint8)
    assert len(np.unique(byte_centres(sample, 3), axis=0)) == 3


def test_answers_do_not_depend_on_batch(built, source) -> None:
    _, index, _ = built
    together = index.search(source.descriptors[::3], 5, transforms_for(True, True))
    for row in (0, 17, 300):
        alone = index.search(source.descriptors[3 * row : 3 * row + 1], 5, transforms_for(True, True))
        assert np.array_equal(alone.distances[:, 0], together.distances[:, row])
        assert np.array_equal(alone.rows[:, 0], together.rows[:, row])


def test_a_decoded_descriptor_is_near_and_multiplies_exactly(built, source) -> None:
    codebook = built[0]
    rows = np.flatnonzero(nearest_centre(source.descriptors, codebook.centres)[0] == 3)
    decoded = codebook.decode(codebook.encode(source.descriptors[rows], np.full(len(rows), 3)), 3)
    off = np.linalg.norm(decoded - source.descriptors[rows], axis=1)
    assert np.median(off) < (1e-9 if codebook.kind == "ivf_sq8" else 60)  # of a norm of 255
    products = source.descriptors.astype(np.float32) @ decoded.T
    assert np.array_equal(products, source.descriptors.astype(float) @ decoded.T.astype(float))


def test_answers_do_not_depend_on_threads(built, source, monkeypatch) -> None:
    found = []
    for threads in ("1", "3"):
        monkeypatch.setenv("IMGFP_THREADS", threads)
        found.append(built[1].search(source.descriptors[::3], 5, transforms_for(True, True)))
    for name in ("distances", "owners", "rows"):
        assert np.array_equal(getattr(found[0], name), getattr(found[1], name))


def test_estimates_are_those_of_faiss(built, source) -> None:
    """The same centres and sub-centres in faiss's own index, which adds up floating-point distances."""
    from imgfp.faiss_loader import faiss

    codebook, _, folder = built
    quantizer = faiss.IndexFlatL2(128)
    if codebook.kind == "ivf_sq8":
        theirs = faiss.IndexIVFScalarQuantizer(quantizer, 128, LISTS, faiss.ScalarQuantizer.QT_8bit_direct)
        theirs.by_residual = False
    else:
        theirs = faiss.IndexIVFPQ(quantizer, 128, LISTS, *SUB_QUANTISERS[codebook.kind])
        faiss.copy_array_to_vector(codebook.sub_centres.ravel(), theirs.pq.centroids)
    quantizer.add(codebook.centres.astype(np.float32))
    theirs.is_trained, theirs.nprobe = True, 3
    theirs.add(source.descriptors.astype(np.float32))
    queries = source.descriptors[::5][:, ::-1].copy()
    expected = theirs.search(queries.astype(np.float32), 6)[0]
    merged = open_merged(folder, LISTS, codebook.code_size, IMAGES)
    found = CompressedIndex(codebook, merged, source.ids, "x", 3).search(queries, 6, transforms_for(False, False))
    there = found.owners[0] >= 0
    assert np.array_equal(there, expected < NO_DISTANCE)
    assert np.abs(found.distances[0][there] - expected[there]).max() < (1e-9 if codebook.kind == "ivf_sq8" else 2)
