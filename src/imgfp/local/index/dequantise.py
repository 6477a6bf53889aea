"""Codes of a list back to vectors: an estimated squared distance is then own + offset - 2 (vector . query).

`own`: the query's squared distance to the list's centre (ivf_sq8: its squared norm). Queries are whole numbers (`ivf.whole`) and
vectors are rounded to 64ths, so products sum to the same bits in any order, whichever queries are compared together.
"""

import numpy as np

from imgfp.local.features import DESCRIPTOR_SIZE
from imgfp.local.index.codebook import SUB_QUANTISERS, Codebook
from imgfp.local.jit import entry

_PARTS = np.float32(64)
_SIGNS = np.where(np.arange(256)[:, None] >> np.arange(8) & 1, 1, -1).astype(np.float32)


def decode(codebook: Codebook, codes: np.ndarray, turned_centre: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Vectors (n, 128) float32 and offsets (n,) float32 of the codes of one list.

    Args:
        codebook: What they were made with.
        codes: (n, code size) uint8, contiguous.
        turned_centre: (128,) float32, the list's centre as `ivf.whole` gives it.
    """
    vectors, offsets = np.empty((len(codes), DESCRIPTOR_SIZE), np.float32), np.empty(len(codes), np.float32)
    if codebook.kind == "ivf_sq8":
        _bytes(codes, vectors, offsets)
    elif codebook.kind == "ivf_rabitq":
        factors = np.ascontiguousarray(codes[:, DESCRIPTOR_SIZE // 8 :]).view(np.float32)
        _signs(codes, _SIGNS, factors, turned_centre, vectors, offsets)
    else:
        sub_centres = np.rint(codebook.sub_centres * _PARTS) / _PARTS
        bits = SUB_QUANTISERS[codebook.kind][1]
        _parts(codes, bits, sub_centres, turned_centre, vectors, offsets)
    return vectors, offsets


@entry()
def _bytes(codes, vectors, offsets):  # type: ignore[no-untyped-def]
    for row in range(len(codes)):
        norm = np.int32(0)
        for place in range(codes.shape[1]):
            value = np.int32(codes[row, place])
            norm += value * value
            vectors[row, place] = value
        offsets[row] = norm


@entry()
def _signs(codes, signs, factors, centre, vectors, offsets):  # type: ignore[no-untyped-def]
    """RaBitQ (Gao and Long 2024): one sign a dimension times a length that makes products with the original unbiased.

    signs: (256, 8) float32 of +1 and -1, the bits of a byte.
    factors: (n, 2) float32: squared length of the difference to the centre, and that length over the cosine between the
    difference and its signs, as faiss stores them.
    """
    size = vectors.shape[1]
    for row in range(len(codes)):
        length = (
            np.round(factors[row, 1] / np.float32(size) * _PARTS) / _PARTS
        )  # queries are longer by the root of size
        cross = np.float32(0)
        for byte in range(size // 8):
            first, found = byte * 8, signs[codes[row, byte]]
            for bit in range(8):
                value = length * found[bit]
                vectors[row, first + bit] = value
                cross += value * centre[first + bit]
        offsets[row] = factors[row, 0] + np.float32(2) * cross


@entry()
def _parts(codes, bits, sub_centres, centre, vectors, offsets):  # type: ignore[no-untyped-def]
    """Product quantisation: every `bits` bits of a code, the lowest first, name one of 2^bits short vectors."""
    parts, mask, width = len(sub_centres), (1 << bits) - 1, sub_centres.shape[2]
    for row in range(len(codes)):
        total = np.float32(0)
        for part in range(parts):
            byte, shift = part * bits >> 3, part * bits & 7
            number = codes[row, byte] >> shift
            if shift + bits > 8:
                number |= codes[row, byte + 1] << (8 - shift)
            for place in range(width):
                value = sub_centres[part, number & mask, place]
                vectors[row, part * width + place] = value
                total += value * (value + np.float32(2) * centre[part * width + place])
        offsets[row] = total
