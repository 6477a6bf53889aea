"""Stage: images -> regional features, one shard at a time; the shards are the store that is read again."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imgfp.errors import InputError
from imgfp.files import write_bytes
from imgfp.images import Failure, ImageList
from imgfp.mirror.describe import RegionsConfig, describe_images
from imgfp.mirror.feature_files import write_feature_file
from imgfp.mirror.networks import open_network
from imgfp.mirror.region_features import RegionFeatures
from imgfp.pipeline.stages.inputs import claim_images
from imgfp.pipeline.stages.plan import read_plan
from imgfp.pipeline.stages.shard import Shard, read_shards
from imgfp.pipeline.stages.stage import MakeShard, Stage, StageResult, Work, run_stage
from imgfp.progress import advance

SHARD_IMAGES = 64


@dataclass(frozen=True)
class RegionsWork(Work):
    """The regional features of each image, by one network that is loaded when the first shard needs it."""

    ids: tuple[str, ...]
    paths: tuple[Path, ...]
    config: RegionsConfig

    @contextmanager
    def opened(self) -> Iterator[MakeShard]:
        """Loads the network."""
        network = open_network(self.config.net, self.config.weights)

        def make(number: int, rows: range) -> Shard:
            values = np.empty((len(rows), self.config.region_count, network.dim), np.float32)
            ids: list[str] = []
            failures = []
            described = describe_images([self.paths[row] for row in rows], network, self.config)
            for row, item in zip(rows, described, strict=True):
                advance(1)
                if isinstance(item, Failure):
                    failures.append(item)
                else:
                    values[len(ids)] = item
                    ids.append(self.ids[row])
            return Shard({"ids": ids}, {"": values[: len(ids)]}, failures=tuple(failures))

        yield make


def region_stage(name: str, images: ImageList, config: RegionsConfig, folder: Path) -> StageResult:
    """Describes every image into `folder`; an unreadable image is a named failure.

    Raises:
        InputError: bad settings or weights, or the folder was made from other settings or images.
    """
    made_with = config.made_with()
    stage = Stage(name, folder, made_with, {"images": claim_images(folder, images)}, len(images), SHARD_IMAGES)
    return run_stage(stage, RegionsWork(images.ids, images.paths, config))


def region_shards(folder: Path) -> Iterator[RegionFeatures]:
    """The features of a finished stage, shard by shard, as memory maps.

    Raises:
        InputError: the stage is not finished.
    """
    if not (folder / "manifest.json").is_file():
        raise InputError(f"{folder}: no finished regional features: describe the images first")
    made_with = read_plan(folder)["settings"]
    for number, record in enumerate(read_shards(folder)):
        values = np.load(folder / f"{number:05d}.npy", mmap_mode="r", allow_pickle=False)
        yield RegionFeatures(tuple(record["ids"]), values, made_with)


def read_regions(folder: Path) -> RegionFeatures:
    """All features of a finished stage, in memory.

    Raises:
        InputError: the stage is not finished, or no image could be read.
    """
    shards = list(region_shards(folder))
    ids = tuple(image_id for shard in shards for image_id in shard.ids)
    if not ids:
        raise InputError(f"{folder}: none of its images could be read: see the listed failures")
    return RegionFeatures(ids, np.concatenate([shard.values for shard in shards]), shards[0].made_with)


def write_feature_files(folder: Path, images: ImageList, out: Path) -> int:
    """Writes the features of a finished stage as MIRorR's files and returns the number of images.

    `out/features/ID.npy` for every image, `out/feature_list.txt` with their paths below `out`, and `out/image_list.txt`
    with the image of each line.
    """
    paths, described = dict(zip(images.ids, images.paths, strict=True)), []
    for shard in region_shards(folder):
        for image_id, values in zip(shard.ids, shard.values, strict=True):
            write_feature_file(out / "features" / f"{image_id}.npy", values)
            described.append(image_id)
    lists = {"feature_list.txt": [f"features/{name}.npy" for name in described]}
    lists["image_list.txt"] = [str(paths[name]) for name in described]
    for name, lines in lists.items():
        write_bytes(out / name, "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape"))
    return len(described)
