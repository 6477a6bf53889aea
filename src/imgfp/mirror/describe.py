"""Images -> regional features: settings, and the description of a list of images."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from itertools import islice
from typing import Any

import numpy as np
import torch

from imgfp.encoders import EMBEDDED
from imgfp.errors import InputError
from imgfp.images import Failure, Source
from imgfp.mirror.networks import MIRROR_NETWORKS, MirrorNetwork, network_fingerprint
from imgfp.mirror.preprocess import SCALES, check_crop, network_inputs, read_source
from imgfp.mirror.regions import POOLS, check_steps, fractional_windows, pool_regions, rmac_windows
from imgfp.threads import libraries_single_threaded, thread_count

CROP_SIZE, WHOLE_SIZE = 896, 640


@dataclass(frozen=True)
class RegionsConfig:
    """How images are described.

    Attributes:
        net: See `open_network`. MIRorR's networks see a square crop and use its R-MAC grid; the others see the whole image
            and have sum(s * s) regions over the steps s at each scale.
        weights: See `open_network`.
        img_size: Pixels: side of the crop, or longer side of the whole image. None: 896 or 640.
        pool: "MAX", "AVG" or "L2".
        rmac_step: Levels of the grid of regions; step s has about s * s.
        multi_scale: Adds the regions of the image at 1/2 and 1/4.
    """

    net: str = EMBEDDED
    weights: str | None = None
    img_size: int | None = None
    pool: str = "MAX"
    rmac_step: tuple[int, ...] = (1, 3, 5)
    multi_scale: bool = False

    def __post_init__(self) -> None:
        check_steps(self.rmac_step)
        if self.pool not in POOLS:
            raise InputError(f"pool {self.pool!r}: use one of {', '.join(POOLS)}")
        if self.crops:
            check_crop(self.size, self.multi_scale)
        elif self.size < 32:
            raise InputError(f"img-size {self.size}: must be at least 32")

    @property
    def crops(self) -> bool:
        """Whether the network sees a square crop, see `MirrorNetwork.crops`."""
        return self.net in MIRROR_NETWORKS

    @property
    def size(self) -> int:
        """`img_size`, or the default of the network."""
        if self.img_size is not None:
            return self.img_size
        return CROP_SIZE if self.crops else WHOLE_SIZE

    @property
    def steps(self) -> tuple[int, ...]:
        """The steps in effect: the original uses step 1 alone for crops of 224 pixels."""
        return (1,) if self.crops and self.size == 224 else self.rmac_step

    @property
    def region_count(self) -> int:
        """Regions per image."""
        if not self.crops:
            return (3 if self.multi_scale else 1) * sum(step * step for step in self.steps)
        scales = SCALES[self.size] if self.multi_scale else (1,)
        sides = [MIRROR_NETWORKS[self.net].map_side(-(-self.size // scale)) for scale in scales]
        return sum(len(rmac_windows(side, side, self.steps)) for side in sides)

    def made_with(self) -> dict[str, Any]:
        """What decides the features, as plain JSON values.

        Raises:
            InputError: no weights, or no regions on maps of this size.
        """
        if not self.region_count:
            raise InputError(
                f"rmac-step {','.join(map(str, self.rmac_step))} makes no region on the maps of {self.net} at img-size "
                f"{self.size}: add step 1, or use a larger size"
            )
        settings = asdict(replace(self, img_size=self.size, rmac_step=self.steps))
        del settings["weights"]
        return settings | {
            "rmac_step": list(self.steps),
            "fingerprint": network_fingerprint(self.net, self.weights),
        }


def describe_image(source: Source, network: MirrorNetwork, config: RegionsConfig) -> np.ndarray | Failure:
    """(regions, dim) float32, not normalised: levels in the order of the steps, row by row, then the smaller scales."""
    rgb = read_source(source, config.size, config.crops)
    if isinstance(rgb, Failure):
        return rgb
    grid = rmac_windows if config.crops else fractional_windows
    parts = []
    for pixels in network_inputs(rgb, config.size, config.crops, config.multi_scale):
        maps = network.maps(pixels[None])
        parts.append(pool_regions(maps, grid(maps.shape[2], maps.shape[3], config.steps), config.pool)[0])
    return np.concatenate(parts)


def describe_images(
    sources: Sequence[Source], network: MirrorNetwork, config: RegionsConfig
) -> Iterator[np.ndarray | Failure]:
    """Yields what `describe_image` gives for each image, in order.

    Every thread decodes and describes one image at a time: an image's features depend on nothing but the image, and at
    most two images per thread are in memory.
    """
    threads = thread_count()
    rest = iter(sources)
    with (
        libraries_single_threaded(),
        ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool,
    ):

        def begin(count: int) -> list[Future[np.ndarray | Failure]]:
            return [pool.submit(describe_image, source, network, config) for source in islice(rest, count)]

        waiting = begin(2 * threads)
        while waiting:
            yield waiting.pop(0).result()
            waiting += begin(1)
