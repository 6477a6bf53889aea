"""What a compressed index is trained to: the centres of its inverted lists and, for product quantisation, the sub-centres."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from imgfp.errors import InputError
from imgfp.files import atomic_path, hash_value
from imgfp.local.features import DESCRIPTOR_SIZE
from imgfp.local.index.byte_kmeans import byte_centres, nearest_centre
from imgfp.local.store import FeatureSource

SAMPLE_PER_LIST = 32  # descriptors that train one centre
SUB_QUANTISERS = {"ivf_pq24": (32, 6), "ivf_pq16": (16, 8)}  # how many, and bits of each
_SUB_QUANTISER_SAMPLE = 1 << 16
_FRACTION = np.float32(64)  # sub-centres are multiples of 1/64: see `Codebook.decode`


@dataclass(frozen=True)
class Codebook:
    """Trained once and then frozen.

    `kind`: a compressed kind of KINDS. `centres`: (lists, 128) uint8. `sub_centres`: (m, 2^bits, 128 / m) float32, of the
    residuals of descriptors to their centre; (0,) for "ivf_sq8". `trained_on`: descriptors in the collection at that time.
    """

    kind: str
    centres: np.ndarray
    sub_centres: np.ndarray
    trained_on: int

    @property
    def fingerprint(self) -> str:
        """A hash of everything in it that decides codes."""
        return hash_value([self.kind, self.centres.tobytes().hex(), self.sub_centres.tobytes().hex()])

    @property
    def code_size(self) -> int:
        """Bytes per code."""
        m, bits = SUB_QUANTISERS.get(self.kind, (DESCRIPTOR_SIZE, 8))
        return m * bits // 8

    def encode(self, descriptors: np.ndarray, lists: np.ndarray) -> np.ndarray:
        """(n, code size) uint8 codes of (n, 128) uint8 descriptors that belong to lists (n,) int64."""
        if self._quantiser is None:
            return descriptors
        codes: np.ndarray = self._quantiser.compute_codes(descriptors.astype(np.float32) - self.centres[lists])
        return codes

    def decode(self, codes: np.ndarray, number: int) -> np.ndarray:
        """(n, 128) float32 descriptors from the (n, code size) uint8 codes of list `number`.

        They are whole numbers of 64ths. With RootSIFT's norms, float32 holds their products with bytes exactly, so that sums
        have the same bits in any order.
        """
        if self._quantiser is None:
            return codes.astype(np.float32)
        residuals: np.ndarray = self._quantiser.decode(np.ascontiguousarray(codes))
        return residuals + self.centres[number]

    @cached_property
    def _quantiser(self) -> Any:
        """faiss's product quantiser; None for "ivf_sq8", whose codes are the descriptors."""
        if self.kind not in SUB_QUANTISERS:
            return None
        from imgfp.faiss_loader import faiss

        quantiser = faiss.ProductQuantizer(DESCRIPTOR_SIZE, *SUB_QUANTISERS[self.kind])
        faiss.copy_array_to_vector(self.sub_centres.ravel(), quantiser.centroids)
        return quantiser


def train_codebook(kind: str, source: FeatureSource, lists: int) -> Codebook:
    """A codebook from a seeded sample of the source; reads the source once and holds about 20 KB per list."""
    sample = draw_sample(source, max(lists, SAMPLE_PER_LIST * lists))
    centres = byte_centres(sample, min(lists, len(sample)))
    sub_centres = np.zeros(0, np.float32)
    if kind in SUB_QUANTISERS:
        rows = np.linspace(0, len(sample) - 1, min(len(sample), _SUB_QUANTISER_SAMPLE)).astype(np.int64)
        owners, _ = nearest_centre(sample[rows], centres)
        sub_centres = _train_sub_centres(sample[rows].astype(np.float32) - centres[owners], *SUB_QUANTISERS[kind])
    return Codebook(kind, centres, sub_centres, int(source.offsets[-1]))


def draw_sample(source: FeatureSource, size: int) -> np.ndarray:
    """About `size` of the source's descriptors, (n, 128) uint8, by a seeded draw; all of them where there are no more."""
    total = int(source.offsets[-1])
    rows = np.arange(total) if total <= size else np.unique(np.random.default_rng(0).integers(0, total, size))
    return np.concatenate([np.zeros((0, DESCRIPTOR_SIZE), np.uint8), *_pick(source, rows)])


def _pick(source: FeatureSource, rows: np.ndarray) -> Iterator[np.ndarray]:
    first = 0
    for block in source.blocks():
        start, stop = np.searchsorted(rows, (first, first + len(block)))
        yield block[rows[start:stop] - first]
        first += len(block)


def _train_sub_centres(residuals: np.ndarray, m: int, bits: int) -> np.ndarray:
    from imgfp.faiss_loader import faiss

    if len(residuals) < 1 << bits:  # tiny collections: every sub-centre needs a descriptor
        residuals = np.resize(residuals, (1 << bits, residuals.shape[1]))
    quantiser = faiss.ProductQuantizer(residuals.shape[1], m, bits)
    quantiser.cp.min_points_per_centroid = 1  # no warning about small samples
    quantiser.train(residuals)
    centres: np.ndarray = np.rint(faiss.vector_to_array(quantiser.centroids) * _FRACTION) / _FRACTION
    return centres.reshape(m, 1 << bits, -1)


def write_codebook(folder: Path, codebook: Codebook) -> tuple[tuple[Path, ...], dict[str, Any]]:
    """Writes the arrays. Returns the files, and the fields of the JSON stored beside them."""
    paths = folder / "centres.npy", folder / "sub_centres.npy"
    for path, array in zip(paths, (codebook.centres, codebook.sub_centres), strict=True):
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.save(file, array, allow_pickle=False)
    return paths, {"kind": codebook.kind, "trained_on": codebook.trained_on}


def read_codebook(folder: Path, record: dict[str, Any]) -> Codebook:
    """The codebook that `write_codebook` wrote, from its verified files and its JSON.

    Raises:
        InputError: the arrays do not belong together.
    """
    centres, sub_centres = (np.load(folder / f"{name}.npy", allow_pickle=False) for name in ("centres", "sub_centres"))
    if centres.ndim != 2 or centres.shape[1] != DESCRIPTOR_SIZE or centres.dtype != np.uint8:
        raise InputError(
            f"{folder}: centres of shape {centres.shape} {centres.dtype}, not (lists, {DESCRIPTOR_SIZE}) uint8: "
            f"delete {folder.parent} and run 'imgfp index' again"
        )
    return Codebook(record["kind"], centres, sub_centres, record["trained_on"])
