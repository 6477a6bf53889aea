"""What a compressed index divides and shortens descriptors by: list centres and, for product quantisation, sub-centres."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from imgfp.errors import InputError
from imgfp.files import atomic_path, hash_value
from imgfp.local.features import DESCRIPTOR_SIZE
from imgfp.local.index.byte_kmeans import byte_centres, nearest_centre
from imgfp.local.store import FeatureSource

SAMPLE_PER_LIST = 32  # descriptors that train one centre
_CODEC_SAMPLE = 1 << 16
SUB_QUANTISERS = {"ivf_pq24": (32, 6), "ivf_pq16": (16, 8), "fast_scan": (32, 4)}  # how many, and bits of each


@dataclass(frozen=True)
class Codebook:
    """Trained once and then frozen.

    `kind`: a name of KINDS. `centres`: (lists, 128) uint8. `sub_centres`: (m, 2^bits, 128 / m) float32 of the parts of the
    difference between descriptor and centre; (0,) where the kind has none. `trained_on`: size of the collection then.
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
        """Bytes a code."""
        m, bits = SUB_QUANTISERS.get(self.kind, (0, 8))
        return m * bits // 8 or {"ivf_sq8": DESCRIPTOR_SIZE, "ivf_rabitq": DESCRIPTOR_SIZE // 8 + 8}[self.kind]


def train_codebook(kind: str, source: FeatureSource, lists: int) -> Codebook:
    """A codebook from a seeded sample of the source; reads the source once, holds about 20 KB a list."""
    sample = draw_sample(source, max(lists, SAMPLE_PER_LIST * lists))
    centres = byte_centres(sample, min(lists, len(sample)))
    sub_centres = np.zeros(0, np.float32)
    if kind in SUB_QUANTISERS:
        some = sample[np.linspace(0, len(sample) - 1, min(len(sample), _CODEC_SAMPLE)).astype(np.int64)]
        owners, _ = nearest_centre(some, centres)
        sub_centres = _train_sub_centres(some.astype(np.float32) - centres[owners], *SUB_QUANTISERS[kind])
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


def _train_sub_centres(differences: np.ndarray, m: int, bits: int) -> np.ndarray:
    from imgfp.faiss_loader import faiss

    if len(differences) < 1 << bits:  # tiny collections: every sub-centre needs a descriptor
        differences = np.resize(differences, (1 << bits, differences.shape[1]))
    quantiser = faiss.ProductQuantizer(differences.shape[1], m, bits)
    quantiser.cp.min_points_per_centroid = 1  # says nothing about small samples
    quantiser.train(np.ascontiguousarray(differences))
    centres: np.ndarray = faiss.vector_to_array(quantiser.centroids).reshape(m, 1 << bits, -1)
    return centres


def write_codebook(folder: Path, codebook: Codebook) -> tuple[tuple[Path, ...], dict[str, Any]]:
    """Writes the arrays. Returns the files, and what belongs into the JSON beside them."""
    paths = folder / "centres.npy", folder / "sub_centres.npy"
    for path, array in zip(paths, (codebook.centres, codebook.sub_centres), strict=True):
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.save(file, array, allow_pickle=False)
    return paths, {"kind": codebook.kind, "trained_on": codebook.trained_on}


def read_codebook(folder: Path, record: dict[str, Any]) -> Codebook:
    """The codebook that `write_codebook` wrote, from its verified files and its JSON.

    Raises:
        InputError: its arrays do not belong together.
    """
    centres, sub_centres = (np.load(folder / f"{name}.npy", allow_pickle=False) for name in ("centres", "sub_centres"))
    if centres.ndim != 2 or centres.shape[1] != DESCRIPTOR_SIZE or centres.dtype != np.uint8:
        raise InputError(
            f"{folder}: centres of shape {centres.shape} {centres.dtype}, not (lists, {DESCRIPTOR_SIZE}) uint8: "
            f"delete {folder.parent} and run 'imgfp index' again"
        )
    return Codebook(record["kind"], centres, sub_centres, record["trained_on"])
