"""Small sets of random descriptors."""

from collections.abc import Callable

import numpy as np
import pytest

from imgfp.records import DescriptorSet


def _made(seed: int, count: int, prefix: str, dim: int = 24) -> DescriptorSet:
    matrix = np.random.default_rng(seed).normal(size=(count, dim)).astype(np.float32)
    matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
    return DescriptorSet(np.array([f"{prefix}{n:04d}" for n in range(count)], dtype=str), matrix)


@pytest.fixture
def made() -> Callable[..., DescriptorSet]:
    """made(seed, count, prefix, dim=24): unit vectors."""
    return _made
