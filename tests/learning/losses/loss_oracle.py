"""The losses again, by plain loops over rows, in double precision."""

import math
from collections.abc import Sequence

import numpy as np

Rows = Sequence[np.ndarray]
Pair = tuple[int, int]


def batch_pairs(labels: Sequence[int]) -> tuple[list[Pair], list[Pair]]:
    """Positive and negative (anchor, other) pairs within a batch."""
    return memory_pairs(labels, labels, list(range(len(labels))))


def memory_pairs(
    labels: Sequence[int], stored: Sequence[int], own: Sequence[int | None]
) -> tuple[list[Pair], list[Pair]]:
    """The same between a batch and a memory; `own` is the slot of each row of the batch."""
    positive, negative = [], []
    for anchor, label in enumerate(labels):
        for other, other_label in enumerate(stored):
            if label != other_label:
                negative.append((anchor, other))
            elif other != own[anchor]:
                positive.append((anchor, other))
    return positive, negative


def distance(a: np.ndarray, b: np.ndarray) -> float:
    return math.dist(a.astype(float), b.astype(float))


def mean_above_zero(terms: list[float]) -> float:
    above = [term for term in terms if term > 0]
    return sum(above) / len(above) if above else 0.0


def contrastive(
    rows: Rows,
    others: Rows,
    pairs: tuple[list[Pair], list[Pair]],
    margin: float,
    positive_margin: float,
) -> float:
    positive, negative = pairs
    return mean_above_zero([distance(rows[a], others[p]) - positive_margin for a, p in positive]) + mean_above_zero(
        [margin - distance(rows[a], others[n]) for a, n in negative]
    )


def triplets(pairs: tuple[list[Pair], list[Pair]]) -> list[tuple[int, int, int]]:
    return [(a, p, n) for a, p in pairs[0] for b, n in pairs[1] if a == b]


def triplet(
    rows: Rows,
    others: Rows,
    pairs: tuple[list[Pair], list[Pair]],
    margin: float,
    swap: bool = False,
    smooth: bool = False,
) -> float:
    terms = []
    for a, p, n in triplets(pairs):
        far = distance(rows[a], others[n])
        if swap:
            far = min(far, distance(others[p], others[n]))
        excess = distance(rows[a], others[p]) - far + margin
        terms.append(math.log1p(math.exp(excess)) if smooth else excess)
    return mean_above_zero(terms)


def margin_loss(
    rows: Rows,
    others: Rows,
    pairs: tuple[list[Pair], list[Pair]],
    margin: float,
    beta: float,
    nu: float,
) -> float:
    terms = []
    for a, p, n in triplets(pairs):
        terms += [distance(rows[a], others[p]) - beta + margin, beta - distance(rows[a], others[n]) + margin]
    return mean_above_zero(terms) + nu * beta if terms else 0.0


def infonce_koleo(rows: Rows, labels: Sequence[int], temperature: float, entropy_weight: float) -> float:
    count = len(labels)
    if len(set(labels)) < 2:
        return 0.0
    contrast, entropy = 0.0, 0.0
    for i in range(count):
        cosine = [float(rows[i].astype(float) @ rows[j].astype(float)) for j in range(count)]
        strangers = [j for j in range(count) if labels[j] != labels[i]]
        rest = sum(math.exp(cosine[j] / temperature) for j in strangers) + 1e-6
        for j in range(count):
            if j != i and labels[j] == labels[i]:
                own = math.exp(cosine[j] / temperature)
                contrast -= math.log(own / (own + rest))
        squared = 2 - 2 * max(cosine[j] for j in strangers)
        entropy -= math.log(math.sqrt(max(squared, 1e-6)))
    return (contrast + entropy_weight * entropy) / count
