"""Geometric verification: which matches of a pair agree on one model. The result is the evidence that ranking weighs."""

from dataclasses import dataclass

import numpy as np

from imgfp.local.features import Transform, transforms_for
from imgfp.local.geometry import fit, plausible, project
from imgfp.local.hypotheses import agreeing
from imgfp.local.match import Matches, MatchInput, match

MODELS = ("similarity", "affine")


@dataclass(frozen=True)
class MatchConfig:
    """How a pair of images is compared and scored.

    `score` "count": imgFp's, the larger number of matches, plain or mirrored. "inliers": the number of matches that agree with
    one geometric model, plus their share of all matches, which is below one and orders equal counts.
    """

    score: str = "inliers"
    # best * ratio < second best, on squared distances: the inverse square of Lowe's ratio; imgFp's is 1.8
    ratio: float = 1.3
    # reprojection error of an inlier at most, in pixels of the query's plane; only for "inliers"
    tolerance: float = 5.0
    inverted: bool = True  # compare with the reference's negative too
    model: str = "affine"  # one of MODELS; only for "inliers"
    # how closely matches must agree on a similarity before the model is fitted; only for "inliers"
    hypothesis_tolerance: float = 0.25

    @property
    def transforms(self) -> tuple[Transform, ...]:
        """The transforms in which a reference is compared: always plain and mirrored."""
        return transforms_for(True, self.inverted)


@dataclass(frozen=True)
class MatchedPair:
    """The result of comparing a pair.

    `lines`: (m, 2) int64 reference and query keypoints that support the score. `transform`: that of the reference.
    `matches`: their number before verification. `model`: (3, 3) float64 from the reference's plane to the query's, or None.
    """

    score: float
    lines: np.ndarray
    transform: Transform
    matches: int
    model: np.ndarray | None = None


def compare_pair(query: MatchInput, reference: MatchInput, config: MatchConfig) -> MatchedPair:
    """Scores one pair in every transform and keeps the best, the first among equals. Both inputs have the transforms of `config`."""
    every = match(query, reference, config.ratio)
    if config.score == "count":
        return max((_count(matches) for matches in every), key=lambda item: item.score)
    best: dict[int, MatchedPair] = {}  # by the transform's position
    for number in sorted(range(len(every)), key=lambda number: -len(every[number])):
        if best and max(item.score for item in best.values()) >= len(every[number]) + 1:
            break  # it and the rest would score less even if all their matches were inliers
        best[number] = _inliers(query, reference, every[number], config)
    return max((best[number] for number in sorted(best)), key=lambda item: item.score)


def _count(matches: Matches) -> MatchedPair:
    return MatchedPair(float(len(matches)), matches.rows, matches.transform, len(matches))


def _inliers(query: MatchInput, reference: MatchInput, matches: Matches, config: MatchConfig) -> MatchedPair:
    """The matches within tolerance of the model that is fitted to those that agree on one similarity."""
    none = MatchedPair(0.0, matches.rows[:0], matches.transform, len(matches))
    source, target = reference.features.keypoints[matches.rows[:, 0]], query.features.keypoints[matches.rows[:, 1]]
    together = agreeing(source, target, matches.transform, config.hypothesis_tolerance)
    model = fit(config.model, source[together, :2], target[together, :2], config.tolerance)
    if model is None or not plausible(model, source[together, :2].mean(axis=0), matches.transform):
        return none
    off = np.linalg.norm(project(model, source[:, :2]) - target[:, :2], axis=1)
    order = np.argsort(np.where(off <= config.tolerance, off, np.inf), kind="stable")[
        : int((off <= config.tolerance).sum())
    ]
    lines = matches.rows[np.sort(order[_first_of_each(matches.rows[order])])]
    if not len(lines):  # refinement may move a model off the matches it was fitted to
        return none
    return MatchedPair(len(lines) + len(lines) / (len(matches) + 1), lines, matches.transform, len(matches), model)


def _first_of_each(rows: np.ndarray) -> np.ndarray:
    """Positions of those rows whose keypoints, on both sides, no earlier row has: one to one."""
    first = [np.unique(side, return_index=True)[1] for side in rows.T]
    return np.intersect1d(first[0], first[1])
