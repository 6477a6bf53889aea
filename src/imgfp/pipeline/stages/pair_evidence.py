"""A compared pair as evidence: counts, how much of each image agrees, and where the reference is in the query."""

from dataclasses import replace

import numpy as np

from imgfp.local.geometry import project, stretch
from imgfp.local.match import MatchInput
from imgfp.local.verify import MatchedPair
from imgfp.records import Evidence


def evidence_of(pair: tuple[str, str], query: MatchInput, reference: MatchInput, found: MatchedPair) -> Evidence:
    """What `compare_pair` found of one pair, in shares of the images' sizes."""
    agree = len(found.lines) > 0
    evidence = Evidence(
        *pair,
        found.score,
        len(found.lines),
        found.matches,
        found.transform.mirrored and agree,
        found.transform.inverted and agree,
    )
    if found.model is None:
        return evidence
    places = reference.features.keypoints[found.lines[:, 0], :2], query.features.keypoints[found.lines[:, 1], :2]
    reference_frame, query_frame = (
        np.array([side.features.width, side.features.height], float) for side in (reference, query)
    )
    large, small, _ = stretch(found.model, places[0].mean(axis=0))
    left, top, right, bottom = _box(found.model, reference_frame, query_frame)
    return replace(
        evidence,
        reference_area=_spanned(places[0], reference_frame),
        query_area=_spanned(places[1], query_frame),
        scale=float(np.sqrt(large * small)),
        anisotropy=large / small,
        left=left,
        top=top,
        right=right,
        bottom=bottom,
    )


def _spanned(places: np.ndarray, frame: np.ndarray) -> float:
    """The box around keypoints, as a share of the image."""
    return float(min(1.0, np.prod((np.ptp(places, axis=0) + 1) / frame)))


def _box(model: np.ndarray, reference_frame: np.ndarray, query_frame: np.ndarray) -> list[float]:
    """The box around the reference's four corners in the query, clipped to it; the whole query where a corner is beyond the horizon."""
    width, height = reference_frame
    corners = project(model, np.array([[0, 0], [width, 0], [0, height], [width, height]]) - 0.5)
    if np.isnan(corners).any():
        return [0.0, 0.0, 1.0, 1.0]
    shares = np.clip((corners + 0.5) / query_frame, 0, 1)
    return [*shares.min(axis=0).tolist(), *shares.max(axis=0).tolist()]
