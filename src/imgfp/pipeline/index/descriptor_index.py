"""The descriptor index of a collection: chosen, built where missing, opened."""

from pathlib import Path

from imgfp.local.index.index_config import KINDS, IndexConfig, Kind, choose
from imgfp.local.index.neighbours import DescriptorIndex, ExactIndex
from imgfp.local.index.torch_index import TorchIndex, gpu_device
from imgfp.local.joined import JoinedFeatures
from imgfp.pipeline.stages.compress import announce_needs, build_compressed, is_built, open_compressed
from imgfp.pipeline.stages.stage import StageResult
from imgfp.progress import announce


def prepare_descriptor_index(index: Path, features: JoinedFeatures | None, config: IndexConfig) -> list[StageResult]:
    """Builds or repairs the compressed index that `config` chooses for these features, if it chooses one.

    Args:
        index: Folder of the index.
        features: None for an index without local features.
        config: How descriptors are stored.
    """
    if features is None:
        return []
    kind = _chosen(features, config, index)
    return [] if kind.name == "exact" else build_compressed(_folder(index, kind), features, kind.name)


def open_descriptor_index(
    index: Path, features: JoinedFeatures, config: IndexConfig
) -> tuple[DescriptorIndex, list[StageResult]]:
    """The index that `config` chooses, built first where missing, and the results of the stages that built it.

    Raises:
        InputError: a file of it is missing, truncated or changed.
    """
    kind = _chosen(features, config, index)
    device = gpu_device() if config.device != "cpu" else None
    if config.device == "gpu" and device is None:
        announce("index.device=gpu: torch finds no usable GPU: searching on the CPU")
    elif device is not None and kind.name != "exact":
        announce(
            f"index.device={config.device}: index kind {kind.name} has no GPU implementation: searching on the CPU"
        )
    if kind.name == "exact":
        return ExactIndex(features) if device is None else TorchIndex(features, device), []
    folder = _folder(index, kind)
    results = [] if is_built(folder, features) else build_compressed(folder, features, kind.name)
    return open_compressed(folder, features, kind.name, config.nprobe), results


def grow_descriptor_indexes(index: Path, features: JoinedFeatures, config: IndexConfig) -> list[StageResult]:
    """Builds for these features every kind that was built before, and the one that `config` chooses now."""
    chosen = _chosen(features, config, index).name
    kinds = [name for name in sorted(KINDS) if (index / "compressed" / name / "codebook").is_dir() or name == chosen]
    return [
        result
        for name in kinds
        if name != "exact"
        for result in build_compressed(_folder(index, KINDS[name]), features, name)
    ]


def _chosen(features: JoinedFeatures, config: IndexConfig, index: Path) -> Kind:
    descriptors = int(features.offsets[-1])
    if not descriptors:  # nothing to train on
        return KINDS["exact"]
    choice = choose(config, descriptors)
    if choice.kind.name == "exact":
        return choice.kind
    built = [kind for kind in KINDS.values() if is_built(_folder(index, kind), features)]
    if config.kind == "auto" and config.memory_mb is None and built:
        return built[0]  # chosen once: the memory of another machine would choose another
    if choice.kind not in built:
        announce_needs(_folder(index, choice.kind), features, choice.kind.name, choice.why)
    return choice.kind


def _folder(index: Path, kind: Kind) -> Path:
    return index / "compressed" / kind.name
