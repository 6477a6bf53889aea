"""From regions to answers: aggregate, whiten, search, expand the queries and search again."""

from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from imgfp.errors import InputError
from imgfp.mirror.expansion import expand_queries
from imgfp.mirror.ranking import Ranking
from imgfp.mirror.similarity import SimilarityConfig, search, vectors_of
from imgfp.mirror.two_stage import needs_two_stages, two_stage_search
from imgfp.mirror.whitening import PACKAGED, Regions, Whitening, blockwise, fit_whitening
from imgfp.progress import announce

DATABASE, PACKAGE, NONE = "database", "packaged", "none"
Search = Literal["auto", "exact", "two-stage"]


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

    `top`: answers each. `augment`: before queries are answered, each database image is expanded by this many first answers, of
    which it is one itself (database-side augmentation: Turcot and Lowe, 2009); 0: none. `expand`: answers added in each of
    `rounds` rounds of query expansion. `search`: "auto" takes two stages for PR-MAC where `needs_two_stages` says so; the stages
    apply to PR-MAC by inner products only.
    """

    top: int = 200
    similarity: SimilarityConfig = field(default_factory=SimilarityConfig)
    whitening: WhiteningConfig = field(default_factory=WhiteningConfig)
    expand: int = 0
    rounds: int = 0
    search: Search = "auto"
    augment: int = 0

    def __post_init__(self) -> None:
        for name, value, least in (
            ("answers", self.top, 1),
            ("expansion.augment", self.augment, 0),
            ("expansion.expand", self.expand, 0),
            ("expansion.rounds", self.rounds, 0),
        ):
            if value < least:
                raise InputError(f"{name}={value}: must be an integer >= {least}")
        if self.search not in get_args(Search):
            raise InputError(f"search={self.search}: must be one of {', '.join(get_args(Search))}")
        compared = self.similarity
        if self.search == "two-stage" and (compared.measure != "prmac" or compared.euclidean):
            raise InputError("search=two-stage is for PR-MAC by inner products only: use search=exact")


@dataclass(frozen=True)
class Answered:
    """The ranking, the whitening that was used, if any, and whether any search ran in two stages."""

    ranking: Ranking
    whitening: Whitening | None
    two_stages: bool


def query(database: Regions, queries: Regions | None, config: QueryConfig) -> Answered:
    """Ranks the database for each query as the original code of MIRorR did.

    Args:
        database: (images, regions, dim) float32, not normalised; read block by block, so it need not be in memory.
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
    database_vectors = prepare(database, config.similarity, whitening)
    two_stages = False
    if config.augment:
        augmenting = replace(config, top=config.augment)
        neighbours, two_stages = _search(None, database_vectors, augmenting, config.similarity)
        database_vectors = expand_queries(database_vectors, database_vectors, neighbours, config.augment)
    query_vectors = None if queries is None else prepare(queries, config.similarity, whitening)
    ranking, staged = _search(query_vectors, database_vectors, config, config.similarity)
    two_stages |= staged
    originals = database_vectors if query_vectors is None else query_vectors
    for _ in range(config.rounds if config.expand else 0):
        expanded = expand_queries(originals, database_vectors, ranking, config.expand)
        # after distances the original compares expanded queries by inner products too
        ranking, staged = _search(expanded, database_vectors, config, replace(config.similarity, euclidean=False))
        two_stages |= staged
    return Answered(ranking, whitening, two_stages)


def _search(
    queries: np.ndarray | None, database: np.ndarray, config: QueryConfig, compared: SimilarityConfig
) -> tuple[Ranking, bool]:
    """The ranking, and whether it was made in two stages."""
    count = len(database if queries is None else queries)
    staged = config.search == "two-stage" or (
        config.search == "auto" and needs_two_stages(count, database, config.top, compared)
    )
    if staged:
        return two_stage_search(queries, database, config.top), True
    return search(queries, database, config.top, compared), False


def prepare(values: Regions, similarity: SimilarityConfig, whitening: Whitening | None) -> np.ndarray:
    """What is compared: (images, regions or 1, dim) float32."""

    def vectors(block: np.ndarray) -> np.ndarray:
        found = vectors_of(block, similarity)
        return found if whitening is None else whitening.apply(found)

    blocks = blockwise(values, vectors)
    first = next(blocks)
    prepared = np.empty((len(values), *first.shape[1:]), np.float32)
    prepared[: len(first)] = first
    done = len(first)
    for block in blocks:
        prepared[done : done + len(block)] = block
        done += len(block)
    return prepared


def choose_whitening(database: Regions, config: QueryConfig) -> Whitening | None:
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
