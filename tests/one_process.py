"""Features and descriptors made in the test's own process, and each image's only once a session.

What is found is the same whoever extracts: `tests/local` compares the worker processes' bytes, `tests/encoders` the bytes of
a network made twice, and `make_anew` empties the memory for a test that compares two runs.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from imgfp.encoders import Encoder, EncoderConfig, create_encoder
from imgfp.files import hash_file
from imgfp.images import Failure, read_rgb
from imgfp.local.features import LocalFeatures
from imgfp.local.sift.sift import SiftConfig
from imgfp.local.sift.views import ONE_VIEW, ViewsConfig, extract_views

_features: dict[tuple[object, ...], LocalFeatures] = {}
_encoders: dict[tuple[EncoderConfig, tuple[str, ...]], Encoder] = {}


def make_anew() -> None:
    """Forgets everything."""
    _features.clear()
    _encoders.clear()


class OneProcess:
    """Stands in for `SiftPool`: a worker process costs seconds to start, and gives the same bytes (one test says so)."""

    def __init__(self, config: SiftConfig, views: ViewsConfig = ONE_VIEW) -> None:
        self._config, self._views = config, views

    def __enter__(self) -> "OneProcess":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def extract(self, paths: list[Path]) -> Iterator[LocalFeatures | Failure]:
        """As `SiftPool.extract`."""
        for path in paths:
            rgb = read_rgb(path)
            if isinstance(rgb, Failure):
                yield rgb
                continue
            key = (rgb.shape, hashlib.sha256(rgb.tobytes()).digest(), self._config, self._views)
            if key not in _features:
                _features[key] = extract_views(rgb, self._config, self._views)
            yield _features[key]


@dataclass
class _Remembering:
    """An encoder that describes a batch of the same bytes once."""

    encoder: Encoder
    rows: dict[bytes, np.ndarray] = field(default_factory=dict)

    def __getattr__(self, name: str) -> object:
        return getattr(self.encoder, name)

    def encode(self, batch: np.ndarray) -> np.ndarray:
        """As `Encoder.encode`."""
        key = hashlib.sha256(batch.tobytes()).digest()
        if key not in self.rows:
            self.rows[key] = self.encoder.encode(batch)
        return self.rows[key].copy()


def remembering_encoder(config: EncoderConfig) -> Encoder:
    """As `create_encoder`."""
    weights = Path(config.weights or "none")
    files = (weights, weights.with_suffix(".json"))  # an export's card too
    key = config, tuple(hash_file(path) for path in files if path.is_file())
    if key not in _encoders:
        _encoders[key] = _Remembering(create_encoder(config))  # type: ignore[assignment]
    return _encoders[key]
