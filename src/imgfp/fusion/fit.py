"""Fits the calibration to candidates with ground truth."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from imgfp.errors import InputError
from imgfp.fusion.calibration import Calibration, features
from imgfp.records import Evidence

_FOLDS = 5


@dataclass(frozen=True)
class Fitted:
    """A calibration, and the cross-validated log odds of each candidate, from a fit without its query."""

    calibration: Calibration
    unseen: np.ndarray


def fit_calibration(
    evidence: Sequence[Evidence],
    true: set[tuple[str, str]],
    precision: float,
    loss: float,
    exact_bits: int,
    fitted_on: str,
    seed: int = 0,
) -> Fitted:
    """Fits a logistic regression on standardised features with equal weights.

    Thresholds come from five-fold cross-validation grouped by query. They are chosen over all candidates, not only each
    query's best, because the search for duplicates in a collection keeps every pair.

    Args:
        evidence: All candidates of all queries.
        true: The pairs (query id, reference id) that are copies.
        precision: Required precision of the label "copy".
        loss: Largest fraction of the found copies that may be below the threshold of "similar".
        exact_bits: See `Calibration`.
        fitted_on: Description of queries and references.
        seed: Random seed of the folds.

    Raises:
        InputError: all candidates or none are copies, overall or in the training part of a fold.
    """
    from sklearn.linear_model import LogisticRegression

    values = features(evidence)
    copies = np.array([(item.query_id, item.reference_id) in true for item in evidence], dtype=bool)
    if copies.all() or not copies.any():
        raise InputError(
            f"{copies.sum()} of {len(copies)} candidates are copies: give a set with both copies and non-copies"
        )
    mean, deviation = values.mean(axis=0), np.maximum(values.std(axis=0), 1e-6)
    scaled = (values - mean) / deviation

    def fit(rows: np.ndarray) -> LogisticRegression:
        if copies[rows].all() or not copies[rows].any():
            raise InputError(f"{len(queries)} queries are too few for cross-validation: use more queries")
        return LogisticRegression(max_iter=1000).fit(scaled[rows], copies[rows])

    queries, place = np.unique([item.query_id for item in evidence], return_inverse=True)
    folds = np.random.default_rng(seed).permutation(len(queries)) % _FOLDS
    unseen = np.empty(len(evidence))
    for fold in range(_FOLDS):
        out = folds[place] == fold
        unseen[out] = fit(~out).decision_function(scaled[out])
    final = fit(np.ones(len(evidence), bool))
    copy, similar = _thresholds(unseen, copies, precision, loss)
    calibration = Calibration(
        mean=tuple(mean.tolist()),
        deviation=tuple(deviation.tolist()),
        coefficients=tuple(final.coef_[0].tolist()),
        intercept=float(final.intercept_[0]),
        copy=copy,
        copy_precision=precision,
        similar=similar,
        similar_loss=loss,
        exact_bits=exact_bits,
        fitted_on=fitted_on,
    )
    return Fitted(calibration, unseen)


def calibration_error(
    odds: np.ndarray, evidence: Sequence[Evidence], true: set[tuple[str, str]]
) -> tuple[float, float]:
    """Expected calibration error over ten equal-width bins (Naeini et al. 2015), and Brier score.

    Args:
        odds: (n,) cross-validated log odds of being a copy.
        evidence: The n pairs.
        true: The pairs (query id, reference id) that are copies.
    """
    copies = np.array([(item.query_id, item.reference_id) in true for item in evidence], dtype=float)
    probabilities = 1 / (1 + np.exp(-odds))
    bins = np.minimum((probabilities * 10).astype(int), 9)
    sums = [np.bincount(bins, weights=values, minlength=10) for values in (probabilities, copies)]
    return float(np.abs(sums[0] - sums[1]).sum() / len(odds)), float(((probabilities - copies) ** 2).mean())


def _thresholds(odds: np.ndarray, copies: np.ndarray, precision: float, loss: float) -> tuple[float, float]:
    """(copy, similar) as probabilities: the lowest threshold >= 0.5 with at least `precision` above it, and one with at most
    `loss` of the copies below it. Cumulative precision may hold far below 0.5, where each further pair is likely wrong."""
    order = np.argsort(-odds, kind="stable")
    reached = np.cumsum(copies[order]) / np.arange(1, len(order) + 1)
    sufficient = np.flatnonzero(reached >= precision)
    copy = max(odds[order[sufficient[-1]]], 0.0) if len(sufficient) else np.inf
    similar = min(np.quantile(odds[copies], loss, method="lower"), copy) if copies.any() else copy
    return tuple(float(1 / (1 + np.exp(-value))) for value in (copy, similar))  # type: ignore[return-value]
