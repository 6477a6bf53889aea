"""Compiled loops over candidate pairs: their scores under a setting, the best of each query, and how these are judged."""

import numpy as np

from imgfp.local.jit import entry


@entry()
def best_of_sources(pair: np.ndarray, source: np.ndarray, odds: np.ndarray, strong: np.ndarray, best: np.ndarray, best_strong: np.ndarray) -> None:  # fmt: skip
    """Of each source the best comparison of each pair: one with inliers before others, then the highest odds.

    A weight is common to a source's comparisons of a pair, so it never changes which of them is best.

    Args:
        pair, source: (e,) row of the pair and source of each comparison.
        odds, strong: (e,) log odds, and whether there are inliers.
        best, best_strong: (s, p) log odds, NaN on entry and where there is no comparison, and whether there are inliers.
    """
    for item in range(len(pair)):
        s, p = source[item], pair[item]
        known = best[s, p]
        if (
            np.isnan(known)
            or (strong[item] and not best_strong[s, p])
            or (strong[item] == best_strong[s, p] and odds[item] > known)
        ):
            best[s, p], best_strong[s, p] = odds[item], strong[item]


@entry()
def weighted_odds(
    best: np.ndarray,
    strong: np.ndarray,
    subset: np.ndarray,
    subset_log: np.ndarray,
    source_log: np.ndarray,
    similarity: np.ndarray,
    scores: np.ndarray,
) -> None:
    """Rule "calibrated": `scores`, (p,), becomes the weighted log odds of each pair, NaN where it is no answer.

    Args:
        best, strong: (s, p), of `best_of_sources`; source 0 are whole queries.
        subset: (p,) which branches propose the pair, a row of `subset_log`.
        subset_log: Log of the highest weight of these branches; -inf where it is 0.
        source_log: (s,) log of the weight of each source's branch; -inf for 0. Source 0 has the pair's own.
        similarity: (p,) of the global branch, NaN where it does not propose the pair.
    """
    for p in range(len(subset)):
        whole = subset_log[subset[p]]
        value, value_strong = np.nan, False
        if whole > -np.inf:
            for s in range(len(source_log)):
                own, factor = best[s, p], whole if s == 0 else source_log[s]
                if np.isnan(own) or factor == -np.inf:
                    continue
                own, own_strong = own + factor, strong[s, p]
                if np.isnan(value) or (own_strong and not value_strong) or (own_strong == value_strong and own > value):
                    value, value_strong = own, own_strong
        if not value_strong:
            value = value + min(similarity[p] - 1, 0.0) if similarity[p] == similarity[p] else np.nan
        scores[p] = value


@entry()
def weighted_sum(own: np.ndarray, weights: np.ndarray, scores: np.ndarray) -> None:
    """Rule "sum": `scores`, (p,), becomes the sum of weights, (b,), times `own`, (b, p); NaN where no branch has the pair."""
    for p in range(len(scores)):
        total, known = 0.0, False
        for b in range(len(weights)):
            if weights[b] != 0 and not np.isnan(own[b, p]):
                total, known = total + weights[b] * own[b, p], True
        scores[p] = total if known else np.nan


@entry()
def best_places(scores: np.ndarray, starts: np.ndarray, answers: int, place: np.ndarray) -> None:
    """`place`, (p,), becomes the rank from 0 of each pair among its query's best `answers`, -1 beyond them and for NaN.

    Pairs `starts[q]` to `starts[q + 1]` belong to query q; of equal scores the first row is better.
    """
    value, row = np.empty(answers), np.empty(answers, np.int64)
    for q in range(len(starts) - 1):
        count = 0
        for p in range(starts[q], starts[q + 1]):
            place[p] = -1
            score = scores[p]
            if np.isnan(score) or (count == answers and score <= value[count - 1]):
                continue
            at = min(count, answers - 1)
            while at > 0 and value[at - 1] < score:
                value[at], row[at] = value[at - 1], row[at - 1]
                at -= 1
            value[at], row[at] = score, p
            count = min(count + 1, answers)
        for at in range(count):
            place[row[at]] = at


@entry()
def settle_ties(order: np.ndarray, scores: np.ndarray) -> None:
    """Sorts positions of equal scores in `order`, which sorts `scores` from the best; a stable sort costs more."""
    start = 0
    for at in range(1, len(order) + 1):
        if at == len(order) or scores[order[at]] != scores[order[start]]:
            if at - start > 1:
                order[start:at] = np.sort(order[start:at])
            start = at


@entry()
def next_smaller(values: np.ndarray) -> None:
    """Makes falling values strictly falling: ties become the next smaller number (`imgfp.fusion.calibration.distinct`)."""
    previous = 1.0
    for at in range(len(values)):
        previous = min(values[at], np.nextafter(previous, 0.0))
        values[at] = previous


@entry()
def walk(
    order: np.ndarray,
    scores: np.ndarray,
    group: np.ndarray,
    true: np.ndarray,
    place: np.ndarray,
    query: np.ndarray,
    starts: np.ndarray,
    tied: bool,
    precision: np.ndarray,
    at_true: np.ndarray,
    hits: np.ndarray,
    counts: np.ndarray,
) -> None:
    """Walks down one ranking and judges each group of queries by its own part of it.

    Args:
        order: (k,) positions from the best score down.
        scores, group, true, place: (k,) score; group of the query, negative to leave it out; whether the pair is true; rank
            from 0 within the query.
        query, starts: (k,) row of the query; (q + 1,) its first position.
        tied: Whether equal scores are ties, at which false positives count first; else `order` and `place` decide.
        precision, at_true: (g, t) at each true positive: precision, and its position in `order`.
        hits: (g, 2) true positives at rank 1, and up to rank 10.
        counts: (g, 2) true and false positives.
    """
    start = 0
    while start < len(order):
        stop = start + 1
        if tied:
            while stop < len(order) and scores[order[stop]] == scores[order[start]]:
                stop += 1
        for at in range(start, stop):
            if group[order[at]] >= 0 and not true[order[at]]:
                counts[group[order[at]], 1] += 1
        for at in range(start, stop):
            p = order[at]
            g = group[p]
            if g < 0 or not true[p]:
                continue
            found = counts[g, 0]
            counts[g, 0] = found + 1
            precision[g, found] = (found + 1) / (found + 1 + counts[g, 1])
            at_true[g, found] = at
            rank = place[p] + 1
            if tied:
                rank = 0
                for other in range(starts[query[p]], starts[query[p] + 1]):
                    rank += scores[other] >= scores[p]
            hits[g, 0] += rank <= 1
            hits[g, 1] += rank <= 10
        start = stop
