"""From settings to training data: looks up the images, leaves out, refuses what is inconsistent."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from imgfp.edits import EditsConfig, create_edits
from imgfp.errors import InputError
from imgfp.images import ImageList, PhotographPool
from imgfp.learning.data.config import PairsConfig
from imgfp.learning.data.image_pool import ImagePool
from imgfp.learning.data.plan import CHOICE
from imgfp.learning.data.training_data import TrainingData
from imgfp.progress import announce
from imgfp.records import GroundTruth


def open_training(
    config: PairsConfig,
    edits: EditsConfig,
    data_root: Path | None,
    seed: int,
    size_of_epoch: Callable[[int], int],
    rank: int = 0,
    world: int = 1,
) -> TrainingData:
    """Looks up all images of a training; decodes none.

    Args:
        config: Which images.
        edits: How views are edited.
        data_root: A DISC-shaped folder; needed for `config.ground_truth`, and where `config.photographs` is not given.
        seed: For everything random.
        size_of_epoch: Image side in pixels of an epoch, counted from 0.
        rank: Of this process, below `world`.
        world: Processes that train together.

    Raises:
        InputError: a folder or file is missing or empty; more images are requested than there are.
    """
    photographs = _photographs(config, data_root, seed)
    references, queries, numbers = _ground_truth(config, data_root, len(photographs))
    image_pool = ImagePool(
        tuple(str(path) for path in photographs.paths),
        tuple(str(path) for path in references.paths) if references else (),
        tuple(str(path) for path in queries.paths) if queries else (),
        numbers,
    )
    if config.negatives >= len(image_pool.negatives):
        where = "references" if references else "training photographs"
        raise InputError(
            f"pairs.negatives={config.negatives}: there are {len(image_pool.negatives)} {where}, including that of "
            f"the item: must be <= {len(image_pool.negatives) - 1}"
        )
    create_edits(edits, PhotographPool(image_pool.photographs))  # refuses what cannot be drawn here, not in a worker
    return TrainingData(image_pool, config, edits, seed, size_of_epoch, rank, world, queries)


def queries_of(data_root: Path, truth: GroundTruth, only_pairs: bool = False) -> ImageList:
    """The query images that a ground truth names, sorted by id.

    Args:
        data_root: A DISC-shaped folder.
        truth: The queries.
        only_pairs: Leaves out distractor queries.

    Raises:
        InputError: a query is not in the folder.
    """
    every = ImageList.from_disc(data_root, "query")
    return _chosen(every, np.unique(truth.query_ids) if only_pairs else truth.queries)


def _photographs(config: PairsConfig, data_root: Path | None, seed: int) -> ImageList:
    if config.photographs is not None:
        photographs = ImageList.open(Path(config.photographs))
    elif data_root is not None:
        photographs = ImageList.from_disc(data_root, "training")
    else:
        raise InputError("no training photographs: give pairs.photographs=FOLDER or data.root=DISC-SHAPED-FOLDER")
    if config.leave_out is not None:
        kept = photographs.leave_out(Path(config.leave_out))
        if len(kept) == len(photographs):
            announce(f"warning: {config.leave_out} names none of the {len(photographs)} training photographs")
        photographs = kept
    if config.limit is not None:
        if config.limit > len(photographs):
            raise InputError(
                f"pairs.limit={config.limit}: there are {len(photographs)} training photographs: lower it, or set null for all"
            )
        places = np.random.default_rng([seed, 0, 0, CHOICE]).choice(len(photographs), config.limit, replace=False)
        photographs = photographs.take(sorted(places.tolist()))
    if len(photographs) < 2:
        raise InputError(f"{photographs.root}: {len(photographs)} training photographs left: at least 2 are needed")
    return photographs


def _ground_truth(
    config: PairsConfig, data_root: Path | None, first: int
) -> tuple[ImageList | None, ImageList | None, tuple[int, ...]]:
    """References, queries (one per pair) and the number of each pair's reference, counted from `first`."""
    if config.ground_truth is None:
        return None, None, ()
    if data_root is None:
        raise InputError("pairs.ground_truth needs data.root: the folder with its query_images/ and reference_images/")
    truth = GroundTruth.read_csv(Path(config.ground_truth))
    if not len(truth.query_ids):
        raise InputError(f"{config.ground_truth}: no row has a reference: give a ground truth with true pairs")
    if len(np.unique(truth.query_ids)) < len(truth.query_ids):
        query = next(name for place, name in enumerate(truth.query_ids) if name in truth.query_ids[:place])
        raise InputError(
            f"{config.ground_truth}: query {query} has several references, which would be trained on as different "
            "images: keep one of them"
        )
    queries = queries_of(data_root, truth, only_pairs=True)
    references = ImageList.from_disc(data_root, "reference")
    rows = {image_id: place for place, image_id in enumerate(references.ids)}
    reference_of = dict(zip(truth.query_ids.tolist(), truth.reference_ids.tolist(), strict=True))
    for query, reference in reference_of.items():
        if reference not in rows:
            raise InputError(
                f"{config.ground_truth}: {query}'s reference {reference} is not in {references.root}: "
                "give the folder that belongs to it as data.root"
            )
    return references, queries, tuple(first + rows[reference_of[query]] for query in queries.ids)


def _chosen(images: ImageList, ids: np.ndarray) -> ImageList:
    places = {image_id: place for place, image_id in enumerate(images.ids)}
    for image_id in ids.tolist():
        if image_id not in places:
            raise InputError(f"{image_id} is not in {images.root}: give the folder that belongs to the ground truth")
    return images.take(places[image_id] for image_id in ids.tolist())
