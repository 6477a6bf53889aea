"""Opens the validation set of a training, and checks that it is not trained on."""

from pathlib import Path

import numpy as np

from imgfp.datasets.disc_set import digest_of_set
from imgfp.images import ImageList
from imgfp.learning.data import TrainingData, queries_of, refuse_judged_photographs, refuse_overlap
from imgfp.learning.recipe import Recipe
from imgfp.learning.validate import JudgedSet
from imgfp.records import GroundTruth


def judged_set(recipe: Recipe, root: Path, data: TrainingData) -> tuple[JudgedSet | None, dict[str, str]]:
    """The DISC-shaped set in `root` to validate on (None where the recipe never validates), and tags for the run.

    With `validation.limit` name, digest and the tag `validation` say so: its figures are not those of the whole set.

    Raises:
        InputError: a part of the set is missing; a query of it is trained on.
    """
    config = recipe.validation
    if not config.every_n_epochs:
        return None, refuse_overlap(data.trained_queries, None)
    path = Path(config.ground_truth) if config.ground_truth else root / "ground_truth.csv"
    truth = GroundTruth.read_csv(path)
    queries, references, name = queries_of(root, truth), ImageList.from_disc(root, "reference"), root.name
    tags = refuse_overlap(data.trained_queries, queries)
    if config.limit is not None and config.limit < len(truth.queries):
        truth, references = limited(truth, references, config.limit)
        queries, name = queries_of(root, truth), f"{root.name} limit {config.limit}"
        tags |= {"validation": f"limit {config.limit}"}
    refuse_judged_photographs(_spread(data.image_pool.photographs, len(data.image_pool.photographs)), queries)
    background = _spread(data.image_pool.photographs, config.background) if config.background else None
    digest = digest_of_set(queries, references, path)
    return JudgedSet(name, digest, queries, references, truth, background), tags


def limited(truth: GroundTruth, references: ImageList, limit: int) -> tuple[GroundTruth, ImageList]:
    """`limit` of the queries, evenly spread, with their true references and as large a share of the other references.

    Of queries with and without a true pair the same share is taken, but at least one with a pair.
    """
    paired = np.unique(truth.query_ids)
    distractors = np.setdiff1d(truth.queries, paired)
    share = limit / len(truth.queries)
    count = min(max(round(share * len(paired)), 1, limit - len(distractors)), limit)
    chosen = np.concatenate([_evenly(paired, count), _evenly(distractors, limit - count)])
    kept = np.isin(truth.query_ids, chosen)
    true = set(truth.reference_ids[kept].tolist())
    others = np.array([place for place, name in enumerate(references.ids) if name not in true], dtype=int)
    more = _evenly(others, max(round(share * len(references)) - len(true), 0))
    places = sorted([*more.tolist(), *(place for place, name in enumerate(references.ids) if name in true)])
    return GroundTruth(np.sort(chosen), truth.query_ids[kept], truth.reference_ids[kept]), references.take(places)


def _evenly(items: np.ndarray, count: int) -> np.ndarray:
    """`count` of the items, all where there are fewer, evenly spread."""
    count = min(count, len(items))
    return items[np.linspace(0, len(items) - 1, count).astype(int)] if count else items[:0]


def _spread(photographs: tuple[str, ...], count: int) -> ImageList:
    """At most `count` of the training photographs, evenly spread over all."""
    paths = tuple(Path(path) for path in _evenly(np.array(photographs), count))
    return ImageList(paths[0].parent, tuple(path.stem for path in paths), paths)
