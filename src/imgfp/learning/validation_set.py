"""Opens the validation set of a training, and checks that it is not trained on."""

from pathlib import Path

import numpy as np

from imgfp.files import hash_file, hash_value
from imgfp.images import ImageList, digest_of
from imgfp.learning.data import TrainingData, queries_of, refuse_judged_photographs, refuse_overlap
from imgfp.learning.recipe import Recipe
from imgfp.learning.validate import JudgedSet
from imgfp.records import GroundTruth


def judged_set(recipe: Recipe, root: Path, data: TrainingData) -> tuple[JudgedSet | None, dict[str, str]]:
    """The DISC-shaped set in `root` to validate on (None where the recipe never validates), and tags for the run.

    Raises:
        InputError: a part of the set is missing; a query of it is trained on.
    """
    config = recipe.validation
    if not config.every_n_epochs:
        return None, refuse_overlap(data.trained_queries, None)
    path = Path(config.ground_truth) if config.ground_truth else root / "ground_truth.csv"
    truth = GroundTruth.read_csv(path)
    queries, references = queries_of(root, truth), ImageList.from_disc(root, "reference")
    tags = refuse_overlap(data.trained_queries, queries)
    refuse_judged_photographs(_spread(data.image_pool.photographs, len(data.image_pool.photographs)), queries)
    background = _spread(data.image_pool.photographs, config.background) if config.background else None
    digest = hash_value([hash_file(path), digest_of(queries.paths), digest_of(references.paths)])
    return JudgedSet(root.name, digest, queries, references, truth, background), tags


def _spread(photographs: tuple[str, ...], count: int) -> ImageList:
    """At most `count` of the training photographs, evenly spread over all."""
    places = np.unique(np.linspace(0, len(photographs) - 1, min(count, len(photographs))).astype(int))
    paths = tuple(Path(photographs[place]) for place in places)
    return ImageList(paths[0].parent, tuple(path.stem for path in paths), paths)
