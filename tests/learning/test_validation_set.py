"""A part of a validation set: which queries and references, and that its figures are known as those of a part."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from imgfp.datasets.disc_set import DiscSet
from imgfp.images import ImageList
from imgfp.learning.config import ValidationConfig
from imgfp.learning.data import open_training
from imgfp.learning.recipe import Recipe
from imgfp.learning.validation_set import judged_set, limited
from imgfp.records import GroundTruth


def a_set(paired: int, distractors: int, references: int) -> tuple[GroundTruth, ImageList]:
    rows = [(f"Q{k:03d}", f"R{3 * k:03d}") for k in range(paired)] + [("Q000", "R001")]
    rows += [(f"Q{paired + k:03d}", "") for k in range(distractors)]
    ids = tuple(f"R{k:03d}" for k in range(references))
    return GroundTruth.of(rows), ImageList(Path("/x"), ids, tuple(Path(f"/x/{name}.jpg") for name in ids))


@pytest.mark.parametrize("limit", [1, 2, 10, 39, 49])
def test_queries_with_their_references_and_a_share_of_the_others(limit: int) -> None:
    truth, references = a_set(20, 30, 200)
    part, kept = limited(truth, references, limit)
    assert len(part.queries) == limit
    assert set(part.queries) <= set(truth.queries)
    wanted = {pair for pair in zip(truth.query_ids, truth.reference_ids, strict=True) if pair[0] in part.queries}
    assert set(zip(part.query_ids, part.reference_ids, strict=True)) == wanted
    assert set(part.reference_ids) <= set(kept.ids)
    assert len(kept) == max(round(limit / 50 * 200), len(part.reference_ids))
    assert abs(len(np.unique(part.query_ids)) - limit * 20 / 50) <= 1
    assert len(part.query_ids) > 0
    again, same = limited(truth, references, limit)
    assert (same, again.queries.tolist()) == (kept, part.queries.tolist())


def test_without_distractors() -> None:
    truth, references = a_set(5, 0, 20)
    assert len(limited(truth, references, 3)[0].queries) == 3


def test_a_part_has_a_name_and_a_digest_of_its_own(synthetic_set: Path, micro: Recipe) -> None:
    def judged(limit: int | None):
        recipe = replace(micro, validation=ValidationConfig(background=5, limit=limit))
        data = open_training(recipe.pairs, recipe.edits, synthetic_set, recipe.seed, recipe.size_of_epoch)
        return judged_set(recipe, synthetic_set, data)

    (whole, plain), (part, tags), (every, same) = judged(None), judged(2), judged(4)
    assert (part.name, len(part.queries), len(part.truth.queries)) == ("set limit 2", 2, 2)
    assert part.digest != whole.digest == DiscSet.open(synthetic_set).digest, "as evaluate/descriptors.py has it"
    assert tags == plain | {"validation": "limit 2"}
    assert (every.name, every.digest, same) == ("set", whole.digest, plain), "all of them are no part"
