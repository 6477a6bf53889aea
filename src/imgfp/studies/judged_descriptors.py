"""What evaluate/descriptors.py evaluates: descriptors read from a file, or encoded once and kept by a hash of their content."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from imgfp.datasets.disc_set import DiscSet, background_images
from imgfp.descriptors import fit_projection
from imgfp.encoders import EncoderConfig, resolve_encoder
from imgfp.files import hash_file, hash_value
from imgfp.images import Failure, ImageList, hash_images
from imgfp.pipeline.index.parts import require_some
from imgfp.pipeline.stages.describe import descriptor_stage
from imgfp.pipeline.stages.stage import StageResult
from imgfp.records import DescriptorSet, GroundTruth, read_descriptors, require_same_dim


@dataclass(frozen=True)
class JudgedDescriptors:
    """What is evaluated. `source`: a file or a folder. `digest`: a hash of all that the descriptors depend on and of the
    ground truth; `data_digest`: of the data set alone, whatever encoded it. `background`: None where nothing needs it.
    `stages`: how encoding went.
    """

    name: str
    source: Path
    query: DescriptorSet
    reference: DescriptorSet
    truth: GroundTruth
    digest: str
    data_digest: str
    background: DescriptorSet | None = None
    stages: tuple[StageResult, ...] = ()

    @property
    def failures(self) -> tuple[Failure, ...]:
        """Every image that could not be used, each once."""
        return tuple(dict.fromkeys(failure for stage in self.stages for failure in stage.failures))

    @property
    def rate(self) -> float | None:
        """Images a second; None where none was encoded now."""
        new = [stage for stage in self.stages if stage.rate]
        return sum(stage.items - stage.reused for stage in new) / sum(stage.seconds for stage in new) if new else None

    def with_background(
        self, known: DescriptorSet, digest: str, stages: tuple[StageResult, ...]
    ) -> "JudgedDescriptors":
        """The same with a background set."""
        return replace(self, background=known, digest=hash_value([self.digest, digest]), stages=(*self.stages, *stages))

    def projected(self, dim: int, whiten: bool) -> "JudgedDescriptors":
        """All three sets by a PCA of the background; see `fit_projection`."""
        assert self.background is not None, "a projection is fitted on it"
        projection = fit_projection(self.background, dim, whiten)
        return replace(
            self,
            query=projection.apply(self.query),
            reference=projection.apply(self.reference),
            background=projection.apply(self.background),
        )


def read_set(path: Path, ground_truth: Path) -> JudgedDescriptors:
    """Descriptors in the challenge's form and their ground truth."""
    query, reference = (read_descriptors(path, part) for part in ("query", "reference"))
    require_same_dim(query, reference)
    truth = GroundTruth.read_csv(ground_truth)
    digest = hash_value([hash_file(path), hash_file(ground_truth)])
    return JudgedDescriptors(path.stem, path, query, reference, truth, digest, digest)


def encode_set(data: DiscSet, encoder: EncoderConfig, work: Path) -> JudgedDescriptors:
    """Descriptors of a DISC-shaped folder's queries and references."""
    query, first = encode_part("query", data.queries, encoder, work)
    reference, second = encode_part("reference", data.references, encoder, work)
    digest = hash_value([data.digest, encoder_hash(encoder)])
    return JudgedDescriptors(
        data.root.name, data.root, query, reference, data.truth, digest, data.digest, stages=(first, second)
    )


def add_background(
    judged: JudgedDescriptors, choice: str, root: Path, encoder: EncoderConfig, work: Path
) -> JudgedDescriptors:
    """Adds the background set: FILE.h5, a folder, or "training", the training images below `root`."""
    if is_descriptor_file(choice):
        return judged.with_background(read_descriptors(Path(choice), "background"), background_digest(choice, root), ())
    known, stage = encode_part("background", background_images(choice, root), encoder, work)
    return judged.with_background(known, hash_value([background_digest(choice, root), encoder_hash(encoder)]), (stage,))


def background_digest(choice: str, root: Path) -> str:
    """A hash of a background set, whatever encodes it.

    Raises:
        InputError: there is no such set.
    """
    if is_descriptor_file(choice):
        return hash_file(Path(choice))
    return hash_value(hash_images(background_images(choice, root)))


def is_descriptor_file(choice: str) -> bool:
    """Whether a background is a file of descriptors, not images."""
    return Path(choice).suffix in (".h5", ".hdf5")


def encode_part(part: str, images: ImageList, encoder: EncoderConfig, work: Path) -> tuple[DescriptorSet, StageResult]:
    """Descriptors of images; those that the same network computed of the same images before are reused.

    Raises:
        InputError: none of the images can be read.
    """
    folder = work / "encoded" / f"{part}-{hash_value([hash_images(images), encoder_hash(encoder)])[:8]}"
    stage = descriptor_stage(f"{part} descriptors", images, encoder, folder, part)
    described = read_descriptors(folder / "descriptors.h5", part)
    require_some(len(described), images, stage)
    return described, stage


def encoder_hash(encoder: EncoderConfig) -> str:
    """What descriptors depend on besides the image: the settings, those of a card too, and the bytes of the weights.

    Raises:
        InputError: as `resolve_encoder`.
    """
    settings: dict[str, Any] = asdict(resolve_encoder(encoder))
    if encoder.weights is not None and Path(encoder.weights).is_file():
        settings["weights"] = hash_file(Path(encoder.weights))
    return hash_value(settings)
