"""One similarity hypothesis per match, from position, scale and orientation of its two keypoints; the one with most support wins."""

import math

import numpy as np

from imgfp.local.features import Transform
from imgfp.local.jit import entry


def agreeing(reference: np.ndarray, query: np.ndarray, transform: Transform, tolerance: float) -> np.ndarray:
    """The matches that support the hypothesis with most support.

    One match is enough for a hypothesis (Lowe 2004, section 7.3, without the bins), so there is no random sampling, and a few
    correct matches among many wrong ones are found. The tolerance is loose enough for copies with a changed aspect ratio or a
    perspective; a closer model is fitted to the matches afterwards.

    Args:
        reference, query: (m, 4) float32 x, y, sigma, theta of both keypoints of each match.
        transform: The transform in which the reference was compared.
        tolerance: Tolerated position error, as a share of the distance from the hypothesis's own keypoint, plus 5 pixels.

    Returns:
        (m,) bool; empty where there is no match.
    """
    if not len(reference):
        return np.zeros(0, bool)
    # a mirrored orientation t becomes pi - t, a negative's gradients are reversed
    handed = -1.0 if transform.mirrored else 1.0
    turned = math.pi * (transform.mirrored + transform.inverted)
    turns = query[:, 3].astype(np.float64) - handed * reference[:, 3] - turned
    columns = [handed * reference[:, 0], reference[:, 1], query[:, 0], query[:, 1], query[:, 2] / reference[:, 2]]
    return np.asarray(
        _best(np.stack([*columns, np.cos(turns), np.sin(turns)]).astype(np.float32), np.float32(tolerance))
    )


@entry()
def _best(columns, tolerance):  # type: ignore[no-untyped-def]
    """One branch-free loop, which the compiler vectorises; the last pass marks the support of the best hypothesis."""
    reference_x, reference_y, query_x, query_y, scales, cosines, sines = columns
    count = len(scales)
    support = np.zeros(count, np.bool_)
    best = most = 0
    for look in range(count + 1):
        own = look if look < count else best
        scale, cosine, sine = scales[own], cosines[own], sines[own]
        a, b, half, double = scale * cosine, scale * sine, np.float32(0.5) * scale, np.float32(2) * scale
        from_x, from_y, to_x, to_y = reference_x[own], reference_y[own], query_x[own], query_y[own]
        votes = 0
        for other in range(count):
            dx, dy = reference_x[other] - from_x, reference_y[other] - from_y
            x, y = query_x[other] - to_x, query_y[other] - to_y
            off_x, off_y = a * dx - b * dy - x, b * dx + a * dy - y
            allowed = np.float32(5) + tolerance * math.sqrt(x * x + y * y)
            near = off_x * off_x + off_y * off_y <= allowed * allowed
            alike = (scales[other] >= half) & (scales[other] <= double)
            agrees = near & alike & (cosines[other] * cosine + sines[other] * sine > np.float32(0.7))
            support[other] = agrees
            votes += agrees
        if votes > most:
            best, most = own, votes
    return support
