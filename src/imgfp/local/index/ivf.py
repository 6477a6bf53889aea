"""faiss indexes made from our arrays: a codebook makes an encoder, and for a fast scan a searcher."""

from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np

from imgfp.local.features import DESCRIPTOR_SIZE
from imgfp.local.index.codebook import SUB_QUANTISERS, Codebook

BLOCK = 32  # descriptors that a fast scan compares at once
_ORDER = np.arange(BLOCK // 2).reshape(2, -1).T.ravel()  # 0, 8, 1, 9, ...


def empty_index(codebook: Codebook, scanned: bool = False) -> Any:
    """A trained faiss IVF index without lists' content; `scanned`: the fast-scan form of it, which can search only."""
    from imgfp.faiss_loader import faiss

    quantizer: Any = faiss.IndexFlatL2(DESCRIPTOR_SIZE)
    index: Any
    quantizer.add(prepared(codebook, codebook.centres))
    lists = len(codebook.centres)
    if codebook.kind == "ivf_sq8":  # bytes as they are
        scalar = faiss.ScalarQuantizer.QT_8bit_direct
        index = faiss.IndexIVFScalarQuantizer(quantizer, DESCRIPTOR_SIZE, lists, scalar, faiss.METRIC_L2, False)
    elif codebook.kind == "ivf_rabitq":
        index = faiss.IndexIVFRaBitQ(quantizer, DESCRIPTOR_SIZE, lists, faiss.METRIC_L2)
    else:
        make = faiss.IndexIVFPQFastScan if scanned else faiss.IndexIVFPQ
        index = make(quantizer, DESCRIPTOR_SIZE, lists, *SUB_QUANTISERS[codebook.kind])
        faiss.copy_array_to_vector(codebook.sub_centres.ravel(), index.pq.centroids)
        index.by_residual = True  # not the default of fast scan
        index.use_precomputed_table = -1  # the table would take more memory than the codes
    index.own_fields = True
    quantizer.this.disown()
    index.is_trained = True
    return index


def prepared(codebook: Codebook, descriptors: np.ndarray) -> np.ndarray:
    """(n, 128) uint8 descriptors as the index compares them, float32; for one bit a dimension turned, which spreads a
    difference over all dimensions. Sums of bytes are exact in float32, so the turn gives the same bits on every machine.
    """
    wide = whole(codebook, descriptors)
    return wide / np.float32(np.sqrt(DESCRIPTOR_SIZE)) if codebook.kind == "ivf_rabitq" else wide


def whole(codebook: Codebook, descriptors: np.ndarray) -> np.ndarray:
    """The same in whole numbers: turned descriptors are longer by the root of 128."""
    wide = np.ascontiguousarray(descriptors, dtype=np.float32)
    return wide @ _turn() if codebook.kind == "ivf_rabitq" else wide


@lru_cache(maxsize=1)
def _turn() -> np.ndarray:
    """(128, 128) float32 of +1 and -1 with orthogonal columns: a Hadamard matrix, its rows times seeded signs."""
    turn = np.ones((1, 1), np.float32)
    while len(turn) < DESCRIPTOR_SIZE:
        turn = np.block([[turn, turn], [turn, -turn]])
    return turn * np.random.default_rng(0).choice(np.array([-1, 1], np.float32), (DESCRIPTOR_SIZE, 1))


def encode(index: Any, codebook: Codebook, descriptors: np.ndarray, lists: np.ndarray) -> np.ndarray:
    """(n, code size) uint8 codes of (n, 128) uint8 descriptors that belong to lists (n,) int64."""
    from imgfp.faiss_loader import faiss

    wide = prepared(codebook, descriptors)
    numbers = np.ascontiguousarray(lists, dtype=np.int64)
    codes = np.empty((len(wide), index.code_size), np.uint8)
    index.encode_vectors(len(wide), faiss.swig_ptr(wide), faiss.swig_ptr(numbers), faiss.swig_ptr(codes))
    return codes


def fill_scanned(index: Any, codes: np.ndarray, starts: np.ndarray) -> None:
    """Fills a fast-scan index, in memory, from codes in list order, with positions in that order as ids: a fast scan cannot answer by list and place.

    Args:
        index: What `empty_index(..., scanned=True)` gave.
        codes: (n, code size) uint8 in list order.
        starts: (lists + 1,) int64, positions where each list begins.
    """
    from imgfp.faiss_loader import faiss

    ids = np.arange(len(codes), dtype=np.int64)
    for number, (start, stop) in enumerate(pairwise(starts.tolist())):
        if stop > start:
            packed, part = in_blocks(codes[start:stop]), ids[start:stop]
            index.invlists.add_entries(number, stop - start, faiss.swig_ptr(part), faiss.swig_ptr(packed))
    index.ntotal = len(ids)


def in_blocks(codes: np.ndarray) -> np.ndarray:
    """(n, w) bytes of two half-byte codes each to faiss's fast-scan order: blocks of 32 descriptors, (blocks, w, 32) uint8.

    For every byte of a code a block has 16 bytes of its low halves and 16 of its high halves; byte j of 16 holds descriptor
    `_ORDER[j]` low and 16 further on high.
    """
    whole = np.zeros((-(-len(codes) // BLOCK) * BLOCK, codes.shape[1]), np.uint8)
    whole[: len(codes)] = codes
    blocks = whole.reshape(-1, BLOCK, codes.shape[1]).transpose(0, 2, 1)
    first, second = blocks[:, :, _ORDER], blocks[:, :, _ORDER + BLOCK // 2]
    low = (first & 15) | (second & 15) << 4
    high = (first >> 4) | (second & 240)
    return np.ascontiguousarray(np.concatenate([low, high], axis=2))
