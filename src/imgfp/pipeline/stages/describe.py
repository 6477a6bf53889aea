"""Stage: images -> global descriptors, a shard at a time, then one h5 in the challenge's form."""

from dataclasses import asdict
from pathlib import Path

import numpy as np

from imgfp.descriptors import encode_paths
from imgfp.encoders import Encoder, EncoderConfig, create_encoder, resolve_encoder
from imgfp.files import atomic_path, hash_file, write_bytes
from imgfp.images import ImageList
from imgfp.pipeline.stages.inputs import claim_images
from imgfp.pipeline.stages.stage import Shard, Stage, StageResult, read_shard, run_stage
from imgfp.records import DescriptorSet, write_descriptors

SHARD_IMAGES = 128  # four batches


def descriptor_stage(name: str, images: ImageList, config: EncoderConfig, folder: Path, part: str) -> StageResult:
    """Describes every image; the finished set lies in `folder/descriptors.h5` as `<part>` and `<part>_ids`."""
    settings = asdict(resolve_encoder(config))
    if config.weights is not None and Path(config.weights).is_file():
        settings["weights_sha256"] = hash_file(Path(config.weights))
    stage = Stage(
        name, folder, {"encoder": settings}, {"images": claim_images(folder, images)}, len(images), SHARD_IMAGES
    )
    encoders: list[Encoder] = []

    def work(number: int, rows: range) -> Shard:
        if not encoders:  # built when first needed: a finished stage loads no network
            encoders.append(create_encoder(config))
        matrix, readable, failures = encode_paths([images.paths[row] for row in rows], encoders[0])
        path = folder / f"{number:05d}.npy"
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.save(file, matrix, allow_pickle=False)
        ids = [images.ids[row] for row, whole in zip(rows, readable, strict=True) if whole]
        return Shard({"ids": ids}, (path,), tuple(failures))

    result = run_stage(stage, work)
    target, checksum = folder / "descriptors.h5", folder / "descriptors.sha256"
    whole = target.is_file() and checksum.is_file() and checksum.read_text() == hash_file(target)
    if result.reused < result.items or not whole:
        write_descriptors(target, **{part: _assemble(folder)})
        write_bytes(checksum, hash_file(target).encode())
    return result


def _assemble(folder: Path) -> DescriptorSet:
    """All shards, sorted by id."""
    ids: list[str] = []
    parts = []
    for number in range(len(sorted(folder.glob("*.npy")))):
        record = read_shard(folder, number)
        assert record is not None, f"shard {number} of {folder} vanished"
        ids += record["ids"]
        parts.append(np.load(folder / f"{number:05d}.npy", allow_pickle=False))
    names = np.array(ids, dtype=str)
    order = np.argsort(names)
    return DescriptorSet(names[order], np.concatenate(parts)[order])
