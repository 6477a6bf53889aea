"""Fits the calibration to candidates whose answer is known."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from imgfp.errors import InputError
from imgfp.fusion.calibration import Calibration, features
from imgfp.records import Evidence

_FOLDS = 5


@dataclass(frozen=True)
class Fitted:
    """A calibration, and the log odds that each candidate got from a fit that had not seen its query."""

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
    """A logistic regression on standardised features, all candidates weighing the same.

    Thresholds come from five-fold cross-validation by query, each candidate judged by a fit without its query. They are chosen
    over all candidates, not over each query's best: a collection against itself keeps every pair.

    Args:
        evidence: All candidates of all queries.
        true: The pairs (query id, reference id) that are copies.
        precision: Of the answers called copies.
        loss: Largest share of the found copies that may fall below "similar".
        exact_bits: See `Calibration`.
        fitted_on: What the queries and references are, in words.
        seed: Of the folds.

    Raises:
        InputError: there are no copies, or nothing else, among the candidates, or only in one fifth of the queries.
    """
    from sklearn.linear_model import LogisticRegression

    values = features(evidence)
    copies = np.array([(item.query_id, item.reference_id) in true for item in evidence], dtype=bool)
    if copies.all() or not copies.any():
        raise InputError(f"{copies.sum()} of {len(copies)} candidates are copies: fitting needs copies and others")
    mean, deviation = values.mean(axis=0), np.maximum(values.std(axis=0), 1e-6)
    scaled = (values - mean) / deviation

    def fit(rows: np.ndarray) -> LogisticRegression:
        if copies[rows].all() or not copies[rows].any():
            raise InputError(f"{len(queries)} queries are too few to fit and judge on different ones: make more")
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
    """How well probabilities hold: expected calibration error over ten equal bins (Naeini et al. 2015), and Brier score.

    Args:
        odds: (n,) log odds of being a copy, of a fit that had not seen the pairs.
        evidence: The n pairs.
        true: The pairs (query id, reference id) that are copies.
    """
    copies = np.array([(item.query_id, item.reference_id) in true for item in evidence], dtype=float)
    told = 1 / (1 + np.exp(-odds))
    bins = np.minimum((told * 10).astype(int), 9)
    sums = [np.bincount(bins, weights=values, minlength=10) for values in (told, copies)]
    return float(np.abs(sums[0] - sums[1]).sum() / len(odds)), float(((told - copies) ** 2).mean())


def _thresholds(odds: np.ndarray, copies: np.ndarray, precision: float, loss: float) -> tuple[float, float]:
    """Probabilities: the lowest from one half on with at least `precision` above it, and one that at most `loss` of the copies
    lie below. Precision of all above a threshold may hold far below one half, where each further pair is more likely wrong."""
    order = np.argsort(-odds, kind="stable")
    reached = np.cumsum(copies[order]) / np.arange(1, len(order) + 1)
    good = np.flatnonzero(reached >= precision)
    copy = max(odds[order[good[-1]]], 0.0) if len(good) else np.inf
    similar = min(np.quantile(odds[copies], loss, method="lower"), copy) if copies.any() else copy
    return tuple(float(1 / (1 + np.exp(-value))) for value in (copy, similar))  # type: ignore[return-value]
