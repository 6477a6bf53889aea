"""The official metrics, slowly: walk down the ranking row by row. Plain Python, nothing of imgfp.

The tests compare `imgfp.metrics` with it, and benchmarks/uap.py says how much faster that is.
"""

from collections import defaultdict

Rows = list[tuple[str, str, float]]


def evaluate(predictions: Rows, truth: list[tuple[str, str]]) -> dict[str, float | None]:
    """Figures of (query, reference, score) rows; `truth` lists (query, reference), the reference "" for a distractor."""
    judged, total = ranking(predictions, truth)
    found = 0
    recall_at_p90, threshold = 0.0, None
    for place, (score, right, _) in enumerate(judged, start=1):
        found += right
        if right and found / place >= 0.9:
            recall_at_p90, threshold = found / total, score
    return {
        "uap": uap(predictions, truth),
        "recall_at_p90": recall_at_p90,
        "threshold_at_p90": threshold,
        "recall_at_1": recall_at_rank(judged, total, 1),
        "recall_at_10": recall_at_rank(judged, total, 10),
    }


def ranking(predictions: Rows, truth: list[tuple[str, str]]) -> tuple[list[tuple[float, bool, str]], int]:
    """(score, right?, query) from the best score down, at equal scores the false positives first; number of true pairs."""
    queries = {query for query, _ in truth}
    true_pairs = {(query, reference) for query, reference in truth if reference}
    judged = [
        (score, (query, reference) in true_pairs, query) for query, reference, score in predictions if query in queries
    ]
    judged.sort(key=lambda row: (-row[0], row[1]))
    return judged, len(true_pairs)


def uap(predictions: Rows, truth: list[tuple[str, str]]) -> float:
    """Sum over the ranking of (rise of recall) * precision."""
    judged, total = ranking(predictions, truth)
    found = 0
    area = last_recall = 0.0
    for place, (_, right, _) in enumerate(judged, start=1):
        found += right
        recall, precision = found / total, found / place
        area += (recall - last_recall) * precision
        last_recall = recall
    return area


def recall_at_rank(judged: list[tuple[float, bool, str]], total: int, rank: int) -> float:
    """Share of true pairs that at most `rank` predictions of their query (themselves among them) score as high as."""
    of_query = defaultdict(list)
    for score, right, query in judged:
        of_query[query].append((score, right))
    hits = 0
    for rows in of_query.values():
        for score, right in rows:
            hits += right and sum(other >= score for other, _ in rows) <= rank
    return hits / total
