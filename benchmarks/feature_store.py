"""Memory that opening a feature store of a million descriptors costs, in a fresh process, against reading it whole."""

import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # also as `python benchmarks/NAME.py`

from benchmarks._side_by_side import in_fresh_process, need
from imgfp.files import hash_file, write_json
from imgfp.local.features import LocalFeatures
from imgfp.local.store import pack_features
from imgfp.pipeline.stages.shard import Shard, write_shard

IMAGES, KEYPOINTS, SHARD = 2000, 500, 250  # 1 M descriptors, 144 MB

OPEN = """
from pathlib import Path
import numpy as np
from imgfp.local.store import FeatureStore
before = peak()
store = FeatureStore(Path(sys.argv[1]), verify=sys.argv[2] == "verify")
opened = peak()
one = [store.get(place).descriptors.sum() for place in (0, len(store) // 2, len(store) - 1)]
some = peak()
if sys.argv[2] == "whole":
    whole = np.concatenate([np.array(block) for block in store.blocks()])
print(json.dumps({"opened": opened - before, "three": some - before, "all": peak() - before}))
"""


def write_store(folder: Path) -> None:
    """A store of random features."""
    rng = np.random.default_rng(0)
    for number in range(IMAGES // SHARD):
        features = [
            LocalFeatures(
                rng.random((KEYPOINTS, 4), dtype=np.float32),
                rng.integers(0, 256, (KEYPOINTS, 128), dtype=np.uint8),
                300,
                400,
            )
            for _ in range(SHARD)
        ]
        arrays, record = pack_features(features)
        ids = [f"R{number * SHARD + row:06d}" for row in range(SHARD)]
        write_shard(folder, number, Shard({"ids": ids, **record}, arrays))
    listed = {f"{number:05d}.json": hash_file(folder / f"{number:05d}.json") for number in range(IMAGES // SHARD)}
    write_json(folder / "manifest.json", {"records": listed})


def main() -> None:
    """Prints the table."""
    with tempfile.TemporaryDirectory() as folder:
        write_store(Path(folder))
        print(f"\nopening a store of {IMAGES * KEYPOINTS:,} descriptors: growth of peak memory, MB")
        print(f"{'':<34}{'opened':>10}{'3 images':>10}{'at the end':>12}")
        grown = {}
        for name, way in (
            ("memory map", "map"),
            ("memory map, checksums verified", "verify"),
            ("baseline: read whole", "whole"),
        ):
            grown[way] = in_fresh_process(OPEN, folder, way)
            print(f"{name:<34}{grown[way]['opened']:>10.1f}{grown[way]['three']:>10.1f}{grown[way]['all']:>12.1f}")
    ratio = grown["whole"]["all"] / max(grown["verify"]["opened"], 0.1)
    print(f"reading it whole costs {ratio:.0f}x what opening it costs")
    need("opening costs under 50 MB", grown["verify"]["opened"] < 50)


if __name__ == "__main__":
    main()
