"""Positions of a view graph's photographs in a drawing: each component by springs, the components side by side."""

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import laplacian

_STEPS = 120


def layout(components: list[list[int]], edges: np.ndarray, count: int, width: float) -> tuple[np.ndarray, float]:
    """Places photographs so that neighbours are close and no two of them cover each other much.

    Args:
        components: Sorted positions of each component that is drawn, the largest first.
        edges: (e, 2) positions.
        count: Number of photographs in all.
        width: Of the drawing, in units of a photograph's size.

    Returns:
        (count, 2) float64 centres in units of a photograph's size, NaN for photographs that are not drawn, and the height.
    """
    places = np.full((count, 2), np.nan)
    label = np.full(count, -1)
    for number, part in enumerate(components):
        label[part] = number
    left, top, height = 0.0, 0.0, 0.0
    for number, part in enumerate(components):
        inside = edges[label[edges[:, 0]] == number]
        row_of = np.zeros(count, np.int64)
        row_of[part] = np.arange(len(part))
        points = _component(len(part), row_of[inside], width - 1.4)
        size = points.max(axis=0) + 1.4
        if left and left + size[0] > width:
            left, top, height = 0.0, top + height, 0.0
        places[part] = points + np.array([left + 0.7, top + 0.7])
        left, height = left + size[0], max(height, float(size[1]))
    return places, top + height


def _component(count: int, edges: np.ndarray, width: float) -> np.ndarray:
    """(count, 2) positions from 0 on: the two slowest vibrations of the graph, then springs (Fruchterman and Reingold 1991)."""
    if count == 1:
        return np.zeros((1, 2))
    graph = coo_array((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), shape=(count, count)).toarray()
    graph = np.maximum(graph, graph.T)
    vectors = np.linalg.eigh(laplacian(graph))[1][:, 1:3]
    if vectors.shape[1] < 2:
        vectors = np.hstack([vectors, np.zeros((count, 1))])
    peak = np.abs(vectors).argmax(axis=0)
    vectors = vectors * np.sign(vectors[peak, [0, 1]] + 1e-12)  # an eigenvector has no sign of its own
    # equal positions never part: a spiral tells them apart
    turn = np.arange(count) * 2.399963
    spiral = np.stack([np.cos(turn), np.sin(turn)], axis=1) * np.sqrt(np.arange(count) + 0.5)[:, None]
    points = vectors / np.abs(vectors).max() * np.sqrt(count) + 0.3 * spiral
    for step in range(_STEPS):
        apart = points[:, None] - points[None]
        distance = np.sqrt((apart**2).sum(axis=2)) + 1e-9
        push = (2.2 / distance**2)[..., None] * apart
        pull = (graph * distance / 4)[..., None] * apart / np.maximum(1, graph.sum(axis=1))[:, None, None]
        move = push.sum(axis=1) - pull.sum(axis=1) - 0.05 * points
        length = np.sqrt((move**2).sum(axis=1, keepdims=True)) + 1e-9
        points = points + move / length * np.minimum(length, 1.5 * (1 - step / _STEPS))
    points -= points.min(axis=0)
    if np.ptp(points[:, 1]) > np.ptp(points[:, 0]):
        points = points[:, ::-1].copy()
    apart = np.sqrt(((points[:, None] - points[None]) ** 2).sum(axis=2)) + np.eye(count) * 1e9
    wanted = 1.15 / max(1e-9, float(np.quantile(apart.min(axis=1), 0.2)))
    points *= min(wanted, width / max(1e-9, float(points.max())))
    return np.asarray(points)
