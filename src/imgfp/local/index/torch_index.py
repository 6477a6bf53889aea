"""The exact search on a GPU: every descriptor, one block at a time, the k nearest kept there.

imgFp compared in 16-bit floats. Descriptors are bytes, which tensor cores multiply exactly in TF32 too, with sums in
float32: about as fast, and with the results of the exact search on the CPU, ties included.
"""

from collections.abc import Sequence

import numpy as np
import torch

from imgfp.local.features import Transform, transform_descriptors
from imgfp.local.index.nearest import NO_DISTANCE
from imgfp.local.index.neighbours import Neighbours
from imgfp.local.store import FeatureSource
from imgfp.progress import advance

_QUERIES = 2048  # compared with a block at a time: 2048 x 30,000 distances of 8 bytes are 0.5 GB


class TorchIndex:
    """Compares with every descriptor of a feature source by torch, on any device."""

    def __init__(self, source: FeatureSource, device: str) -> None:
        self._source, self._device = source, torch.device(device)
        self.ids, self.fingerprint = source.ids, source.fingerprint
        self.descriptors = int(source.offsets[-1])

    def search(self, queries: np.ndarray, k: int, transforms: Sequence[Transform], units: int = 0) -> Neighbours:
        """See `DescriptorIndex`."""
        torch.backends.cuda.matmul.allow_tf32 = True  # exact for bytes
        sides = torch.cat([self._wide(transform_descriptors(queries, transform)) for transform in transforms])
        best = torch.full((len(sides), k), int(NO_DISTANCE) << 32, dtype=torch.int64, device=self._device)
        first = 0
        for block in self._source.blocks():
            rows = self._wide(block)
            numbers = torch.arange(first, first + len(rows), device=self._device)
            for start in range(0, len(sides), _QUERIES):
                part = slice(start, start + _QUERIES)
                keys = (_distances(sides[part], rows) << 32) + numbers  # distance, then row: ties as on the CPU
                best[part] = torch.cat([best[part], keys], dim=1).topk(k, largest=False).values
            before, first = units * first // max(1, self.descriptors), first + len(rows)
            advance(units * first // max(1, self.descriptors) - before)
        found = best.cpu().numpy().reshape(len(transforms), len(queries), k)
        distances, places = (found >> 32).astype(np.int32), found & 0xFFFFFFFF
        numbered = np.where(distances == NO_DISTANCE, -1, places)
        owners = np.searchsorted(self._source.offsets, numbered, side="right") - 1
        return Neighbours(distances, np.where(numbered < 0, -1, owners).astype(np.int32), numbered)

    def needs(self, queries: int, k: int, transforms: int) -> str:
        """See `DescriptorIndex`."""
        return f"all {self.descriptors:,} reference descriptors (exact), on {self._device}"

    def _wide(self, descriptors: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.array(descriptors)).to(self._device).float()


def _distances(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """(a, b) int64 squared distances of (a, 128) and (b, 128) whole numbers."""
    norms = left.square().sum(1)[:, None] + right.square().sum(1)
    return (norms - 2 * (left @ right.T)).long()


def gpu_device() -> str | None:
    """The GPU that torch can use, or None."""
    return "cuda" if torch.cuda.is_available() else None
