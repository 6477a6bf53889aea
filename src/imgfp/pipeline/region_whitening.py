"""The whitening that comes with the package: described photographs, principal components, and a card."""

from pathlib import Path
from typing import Any

import numpy as np

from imgfp.files import write_json
from imgfp.images import ImageList
from imgfp.mirror.describe import RegionsConfig
from imgfp.mirror.similarity import SimilarityConfig, vectors_of
from imgfp.mirror.whitening import fit_whitening
from imgfp.pipeline.stages.regions import read_regions, region_stage


def fit_region_whitening(
    images: ImageList, config: RegionsConfig, out_dim: int, work: Path, out: Path, notes: dict[str, Any]
) -> None:
    """Describes photographs, fits a whitening of their regions and writes it with its card (`.json` beside it).

    Resumes from `work`.

    Args:
        images: Photographs that a shipped file may be fitted to.
        config: How they are described; the whitening holds for these settings only.
        out_dim: Dimensions to keep.
        work: Folder of the features.
        out: The .npz.
        notes: What the card says beside the settings, such as the source of the photographs.

    Raises:
        InputError: too few photographs, or another result in `work`.
    """
    failures = region_stage("regions", images, config, work).failures
    features = read_regions(work)

    def vectors(block: np.ndarray) -> np.ndarray:
        return vectors_of(block, SimilarityConfig())

    fit_whitening(features.values, vectors, out_dim).save(out, compact=True)
    described = {"photographs": len(features), "failures": len(failures), "vectors": len(features) * features.regions}
    write_json(out.with_suffix(".json"), {**notes, **described, "out_dim": out_dim, "regions": features.made_with})
