"""Verified pairs are stored once, whichever batches ask for them and wherever a run was killed."""

from types import SimpleNamespace

import numpy as np
import pytest

from imgfp.errors import InputError
from imgfp.pipeline.pairs import stages
from imgfp.pipeline.pairs.stages import StoredVerifier
from imgfp.pipeline.pairs.verify import TwoView, VerifyConfig

PAIRS = [(a, b) for a in range(6) for b in range(a + 1, 6)]
FEATURES = SimpleNamespace(fingerprint="features of six photographs")


def geometry(pair):
    """An arbitrary result that depends on the pair alone; a third of the pairs has none."""
    rng = np.random.default_rng(pair)
    count = sum(pair) % 3 * 5
    matches = rng.integers(0, 99, (count, 2)).astype(np.int32)
    return TwoView(matches, bool(count == 5), rng.random((3, 3)) if count else None)


class Verified:
    """Stands in for `verify_pairs`: remembers the pairs, and is killed after `lasts` shards."""

    def __init__(self, lasts=99):
        self.pairs, self.lasts = [], lasts

    def __call__(self, features, pairs, config):
        self.lasts -= 1
        if self.lasts < 0:
            raise KeyboardInterrupt
        self.pairs += pairs
        return [geometry(pair) for pair in pairs]


def test_each_pair_is_verified_once(tmp_path, monkeypatch):
    monkeypatch.setattr(stages, "SHARD_PAIRS", 2)

    def run(verified, *batches):
        monkeypatch.setattr(stages, "verify_pairs", verified)
        verifier = StoredVerifier(FEATURES, VerifyConfig(), tmp_path / "verified")
        for batch in batches:
            assert verifier(batch) == [geometry(pair).inliers for pair in batch]
        found = list(verifier.results())
        assert [pair for pair, _ in found] == [pair for batch in batches for pair in batch]
        for pair, item in found:
            wanted = geometry(pair)
            assert np.array_equal(item.matches, wanted.matches)
            assert item.planar == wanted.planar
            assert (item.model is None and wanted.model is None) or np.array_equal(item.model, wanted.model)
        return verified.pairs, verifier.total

    killed = Verified(lasts=3)
    with pytest.raises(KeyboardInterrupt):
        run(killed, PAIRS[:3], PAIRS[3:9])
    assert killed.pairs == PAIRS[:5]  # shards of 2 and 1, then the first of the second batch
    resumed, total = run(Verified(), PAIRS[:3], PAIRS[3:9])
    assert resumed == PAIRS[5:9]
    assert (total.items, total.reused) == (9, 5)
    others, total = run(Verified(), PAIRS[::-2], [], PAIRS[1::2])
    assert sorted(others) == PAIRS[9:]
    assert (total.items, total.reused) == (15, 9)
    with pytest.raises(InputError, match=r"made with settings.verify.ratio = 0.85, now it is 0.5"):
        StoredVerifier(FEATURES, VerifyConfig(ratio=0.5), tmp_path / "verified")
