"""From regions to answers: aggregate, whiten, search, expand the queries and search again."""

from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np

from imgfp.errors import InputError
from imgfp.mirror.expansion import expand_queries
from imgfp.mirror.ranking import Ranking
from imgfp.mirror.similarity import SimilarityConfig, search, vectors_of
from imgfp.mirror.two_stage import needs_two_stages, two_stage_search
from imgfp.mirror.whitening import PACKAGED, Whitening, blockwise, fit_whitening
from imgfp.progress import announce

DATABASE, PACKAGE, NONE = "database", "packaged", "none"


@dataclass(frozen=True)
class WhiteningConfig:
    """Where the whitening comes from.

    `fit_on`: "database" fits it on the database's own regions, "packaged" is the one that comes with the package (for the
    embedded network), "none", or the path of an .npz. `out_dim`, `variance_share`: of a fit; out_dim takes precedence.
    """

    fit_on: str = DATABASE
    out_dim: int | None = 256
    variance_share: float | None = None


@dataclass(frozen=True)
class QueryConfig:
    """How queries are answered.

    `top`: answers each. `expand`: answers added in each of `rounds` rounds of query expansion. `search`: "auto" takes two
    stages for PR-MAC where `needs_two_stages` says so; the stages apply to PR-MAC by inner products only.
    """

    top: int = 20
    similarity: SimilarityConfig = field(default_factory=SimilarityConfig)
    whitening: WhiteningConfig = field(default_factory=WhiteningConfig)
    expand: int = 0
    rounds: int = 0
    search: Literal["auto", "exact", "two-stage"] = "auto"

    def __post_init__(self) -> None:
        for name, value, least in (("top", self.top, 1), ("qe", self.expand, 0), ("et", self.rounds, 0)):
            if value < least:
                raise InputError(f"{name}={value}: must be an integer >= {least}")
        compared = self.similarity
        if self.search == "two-stage" and (compared.measure != "prmac" or compared.euclidean):
            raise InputError("two-stage search is for PR-MAC without distances: use --search exact")


@dataclass(frozen=True)
class Answered:
    """The ranking, and the whitening that was used, if any."""

    ranking: Ranking
    whitening: Whitening | None


def query(database: np.ndarray, queries: np.ndarray | None, config: QueryConfig) -> Answered:
    """Ranks the database for each query as the original code of MIRorR did.

    Args:
        database: (images, regions, dim) float32, not normalised.
        queries: The same of the queries; None: the database's own images.
        config: Settings.

    Raises:
        InputError: numbers of regions or dimensions differ, or the whitening cannot be fitted or does not fit.
    """
    if queries is not None and queries.shape[1:] != database.shape[1:]:
        raise InputError(
            f"queries have {queries.shape[1]} regions of {queries.shape[2]} numbers, the database "
            f"{database.shape[1]} of {database.shape[2]}: describe both with the same settings"
        )
    whitening = choose_whitening(database, config)
    held = prepare(database, config.similarity, whitening)
    asked = None if queries is None else prepare(queries, config.similarity, whitening)
    ranking = _search(asked, held, config, config.similarity)
    for _ in range(config.rounds if config.expand else 0):
        expanded = expand_queries(held if asked is None else asked, held, ranking, config.expand)
        # after distances the original compares expanded queries by inner products too
        ranking = _search(expanded, held, config, replace(config.similarity, euclidean=False))
    return Answered(ranking, whitening)


def _search(
    queries: np.ndarray | None, database: np.ndarray, config: QueryConfig, compared: SimilarityConfig
) -> Ranking:
    count = len(database if queries is None else queries)
    staged = config.search == "two-stage" or (
        config.search == "auto" and needs_two_stages(count, database, config.top, compared)
    )
    if staged:
        return two_stage_search(queries, database, config.top)
    return search(queries, database, config.top, compared)


def prepare(values: np.ndarray, similarity: SimilarityConfig, whitening: Whitening | None) -> np.ndarray:
    """What is compared: (images, regions or 1, dim) float32."""
    if whitening is None:
        return np.concatenate(list(blockwise(values, partial(vectors_of, config=similarity))))

    def whitened(block: np.ndarray) -> np.ndarray:
        return whitening.apply(vectors_of(block, similarity))

    return np.concatenate(list(blockwise(values, whitened)))


def choose_whitening(database: np.ndarray, config: QueryConfig) -> Whitening | None:
    """The whitening of a run; None where none is asked, or where a fit has too few images for it, which is announced.

    Args:
        database: (images, regions, dim), not normalised.
        config: Settings.

    Raises:
        InputError: the fit is not possible for another reason, or the file is not a whitening.
    """
    wanted = config.whitening
    if wanted.fit_on == NONE:
        return None
    if wanted.fit_on != DATABASE:
        return Whitening.load(PACKAGED if wanted.fit_on == PACKAGE else Path(wanted.fit_on))
    if wanted.out_dim is not None and len(database) <= wanted.out_dim:
        announce(
            f"no whitening: {len(database)} images are too few to fit {wanted.out_dim} dimensions, more images than "
            "dimensions are needed: lower the dimension, or use a stored whitening"
        )
        return None
    vectors = partial(vectors_of, config=config.similarity)
    return fit_whitening(database, vectors, wanted.out_dim, wanted.variance_share)
