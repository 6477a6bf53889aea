"""Stage: images -> global descriptors, one shard at a time, then one h5 in the challenge's form."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from imgfp.descriptors import encode_images
from imgfp.encoders import EncoderConfig, create_encoder, resolve_encoder
from imgfp.files import hash_file, write_bytes
from imgfp.images import ImageList
from imgfp.pipeline.stages.inputs import image_inputs
from imgfp.pipeline.stages.shard import Shard, read_shards
from imgfp.pipeline.stages.stage import MakeShard, Stage, StageResult, Work, run_stage
from imgfp.records import DescriptorSet, write_descriptors

SHARD_IMAGES = 128  # four batches


@dataclass(frozen=True)
class DescribeWork(Work):
    """The descriptor of each image, by one network that is loaded when the first shard needs it."""

    ids: tuple[str, ...]
    paths: tuple[Path, ...]
    config: EncoderConfig

    @contextmanager
    def opened(self) -> Iterator[MakeShard]:
        """Loads the network."""
        encoder = create_encoder(self.config)

        def make(number: int, rows: range) -> Shard:
            matrix, readable, failures = encode_images([self.paths[row] for row in rows], encoder)
            ids = [self.ids[row] for row, good in zip(rows, readable, strict=True) if good]
            return Shard({"ids": ids}, {"": matrix}, failures=tuple(failures))

        yield make


def descriptor_stage(name: str, images: ImageList, config: EncoderConfig, folder: Path, part: str) -> StageResult:
    """Describes every image; the finished set is `folder/descriptors.h5`, as `<part>` and `<part>_ids`."""
    settings = asdict(resolve_encoder(config))
    if config.weights is not None and Path(config.weights).is_file():
        # instead of their path: the same weights may be moved, or be linked to as the best
        settings |= {"weights": None, "weights_sha256": hash_file(Path(config.weights))}
    inputs = image_inputs(folder, images)
    stage = Stage(name, folder, {"encoder": settings}, inputs, len(images), SHARD_IMAGES)
    result = run_stage(stage, DescribeWork(images.ids, images.paths, config))
    target, checksum = folder / "descriptors.h5", folder / "descriptors.sha256"
    complete = target.is_file() and checksum.is_file() and checksum.read_text() == hash_file(target)
    if result.reused < result.items or not complete:
        write_descriptors(target, **{part: _assemble(folder)})
        write_bytes(checksum, hash_file(target).encode())
    return result


def _assemble(folder: Path) -> DescriptorSet:
    """All shards, sorted by id."""
    ids = [image_id for record in read_shards(folder) for image_id in record["ids"]]
    parts = [np.load(path, allow_pickle=False) for path in sorted(folder.glob("*.npy"))]
    return sorted_descriptors(ids, np.concatenate(parts))


def sorted_descriptors(ids: list[str], matrix: np.ndarray) -> DescriptorSet:
    """A set in the order of its ids."""
    names = np.array(ids, dtype=str)
    order = np.argsort(names)
    return DescriptorSet(names[order], matrix[order])
