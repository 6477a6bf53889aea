"""Images a second of the regional features' stage against a plain loop: one image at a time, Pillow, torch, NumPy."""

import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # also as `python benchmarks/NAME.py`

from benchmarks._side_by_side import ROOT, alternate, show
from imgfp.encoders import EMBEDDED, Network, NetworkConfig, create_network
from imgfp.images import ImageList
from imgfp.mirror.describe import RegionsConfig
from imgfp.mirror.regions import fractional_windows
from imgfp.pipeline.stages.regions import read_regions, region_stage
from imgfp.threads import thread_count

SCENES = ROOT.parent / "shared" / "data" / "scenes"
IMAGES, ROUNDS = 64, 3
BASELINE = "plain loop"


def main(arguments: list[str]) -> None:
    """Prints one table. Arguments: a folder of images (default: scenes), the number of images, the number of rounds."""
    folder = Path(arguments[0]) if arguments else SCENES
    count, rounds = (int(text) for text in arguments[1:3]) if len(arguments) > 2 else (IMAGES, ROUNDS)
    whole = ImageList.open_collection(folder)
    rows = np.linspace(0, len(whole) - 1, min(count, len(whole))).round().astype(int)
    images = ImageList(whole.root, tuple(whole.ids[row] for row in rows), tuple(whole.paths[row] for row in rows))
    config = RegionsConfig()
    network = create_network(NetworkConfig(EMBEDDED, 0)).eval()
    torch.set_num_threads(thread_count())
    with tempfile.TemporaryDirectory() as temporary:
        out = Path(temporary) / "store"

        def stage() -> None:
            shutil.rmtree(out, ignore_errors=True)
            region_stage("regional features", images, config, out)

        stage()
        plain = _plain_loop(images, network, config)
        ours = read_regions(out).values
        print(
            f"largest difference of the features: {np.abs(ours - plain).max() / np.abs(plain).max():.1e} of the largest value"
        )
        ways = {BASELINE: lambda: _plain_loop(images, network, config), "stage, stored": stage}
        seconds = alternate(ways, rounds)
    show(
        f"regions of {len(images)} images, {config.size} pixels, {thread_count()} threads",
        seconds,
        BASELINE,
        len(images),
        "images",
    )


def _plain_loop(images: ImageList, network: Network, config: RegionsConfig) -> np.ndarray:
    """What a short script does: decode, resize, the network as timm has it, a maximum per region."""
    described = []
    for path in images.paths:
        with Image.open(path) as file:
            image = file.convert("RGB")
        scale = config.size / max(image.size)
        image = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.BICUBIC)
        pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None]
        with torch.inference_mode():
            maps = network.feature_map(pixels)[0].numpy()
        windows = fractional_windows(maps.shape[1], maps.shape[2], config.steps)
        described.append(np.stack([maps[:, w.top : w.bottom, w.left : w.right].max(axis=(1, 2)) for w in windows]))
    return np.stack(described)


if __name__ == "__main__":
    main(sys.argv[1:])
