"""Every match proposes a similarity by itself: position, size and direction of its two keypoints. Which proposal do most agree with?"""

import math

import numba
import numpy as np

from imgfp.local.features import Variant


def agreeing(reference: np.ndarray, query: np.ndarray, form: Variant, slack: float) -> np.ndarray:
    """The matches that agree with the one that most agree with.

    One match is enough for a hypothesis (Lowe 2004, section 7.3, without the bins), so nothing is drawn at random and a few
    right matches among many wrong ones are found. Agreement is loose: it only has to hold matches of one copy together,
    also one that was stretched or seen at an angle; a closer model is fitted to them afterwards.

    Args:
        reference, query: (m, 4) float32 x, y, sigma, theta of both keypoints of each match.
        form: What the reference was compared as.
        slack: How far off a position may be, as a share of its distance from the hypothesis's own keypoint, plus 5 pixels.

    Returns:
        (m,) bool; all False where there is no match.
    """
    if not len(reference):
        return np.zeros(0, bool)
    # a mirrored direction t is seen at pi - t, a negative's gradients point the other way
    handed = -1.0 if form.mirrored else 1.0
    turned = math.pi * (form.mirrored + form.inverted)
    turns = query[:, 3].astype(np.float64) - handed * reference[:, 3] - turned
    scales = query[:, 2].astype(np.float64) / reference[:, 2]
    return _best(reference[:, :2].astype(np.float64), query[:, :2].astype(np.float64), turns, scales, handed, slack)


@numba.njit(nogil=True, cache=True)
def _best(reference, query, turns, scales, handed, slack):  # type: ignore[no-untyped-def]
    count = len(reference)
    best = np.zeros(count, dtype=np.bool_)
    most = 0
    support = np.empty(count, dtype=np.bool_)
    for own in range(count):
        a, b = scales[own] * math.cos(turns[own]), scales[own] * math.sin(turns[own])
        votes = 0
        for other in range(count):
            dx, dy = handed * (reference[other, 0] - reference[own, 0]), reference[other, 1] - reference[own, 1]
            x, y = query[other, 0] - query[own, 0], query[other, 1] - query[own, 1]
            off_x, off_y = a * dx - b * dy - x, b * dx + a * dy - y
            allowed = 5.0 + slack * math.sqrt(x * x + y * y)
            ratio = scales[other] / scales[own]
            near = off_x * off_x + off_y * off_y <= allowed * allowed and 0.5 <= ratio <= 2.0
            support[other] = near and math.cos(turns[other] - turns[own]) > 0.7
            votes += support[other]
        if votes > most:
            most = votes
            best[:] = support
    return best
