"""From what comparing a pair found to the probability that the query is a copy of the reference.

A logistic regression whose coefficients are plain JSON (`calibration.json`, written by train/ranking.py, which fits them to
self-made copies of training photographs). The same file says which precision the labels' thresholds have.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from imgfp.errors import InputError
from imgfp.files import write_json
from imgfp.records import Evidence

SHIPPED = Path(__file__).with_name("calibration.json")
SCHEMA = 1
FEATURES = (
    "log_inliers",
    "inlier_share",
    "log_query_area",
    "log_reference_area",
    "abs_log_scale",
    "log_squeeze",
    "mirrored_or_inverted",
    "log_inliers_over_rival",
)


def features(pairs: Sequence[Evidence], rivals: np.ndarray | None = None) -> np.ndarray:
    """(n, 8) float64, columns as FEATURES.

    Args:
        pairs: What comparing found.
        rivals: (n,) inliers of each pair's rival; None: the query's best other candidate, so give all candidates of a query.
    """
    inliers = np.array([pair.inliers for pair in pairs], dtype=np.float64)
    columns = np.array(
        [
            [
                pair.matches,
                pair.query_area,
                pair.reference_area,
                pair.scale,
                pair.squeeze,
                pair.mirrored or pair.inverted,
            ]
            for pair in pairs
        ],
        dtype=np.float64,
    ).reshape(-1, 6)
    matches, query_area, reference_area, scale, squeeze, changed = columns.T
    if rivals is None:
        rivals = _rivals([pair.query_id for pair in pairs], inliers)
    return np.stack(
        [
            np.log1p(inliers),
            inliers / np.maximum(matches, 1),
            np.log(query_area + 0.01),
            np.log(reference_area + 0.01),
            np.abs(np.log(scale)),
            np.log(squeeze),
            changed,
            np.log1p(inliers) - np.log1p(rivals),
        ],
        axis=1,
    )


def _rivals(query_ids: Sequence[str], inliers: np.ndarray) -> np.ndarray:
    """For each pair the most inliers of any other pair of its query; 0 where it is the only one."""
    best: dict[str, list[float]] = {}
    for query, count in zip(query_ids, inliers.tolist(), strict=True):
        best[query] = sorted([*best.get(query, [0.0, 0.0]), count])[-2:]
    return np.array(
        [
            best[query][0] if count == best[query][1] else best[query][1]
            for query, count in zip(query_ids, inliers.tolist(), strict=True)
        ]
    )


@dataclass(frozen=True)
class Calibration:
    """A fitted regression and the thresholds of the labels.

    Attributes:
        mean, deviation: Of each feature where it was fitted, for standardising.
        coefficients, intercept: Of the standardised features.
        copy: Probability from which an answer is called a copy, chosen for `copy_precision` where it was fitted.
        similar: Probability below which an answer is called none; at most `similar_loss` of the found copies lie below.
        exact_bits: A copy whose perceptual hash differs by at most so many of 64 bits is called exact.
        fitted_on: What it was fitted on, in words.
    """

    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    coefficients: tuple[float, ...]
    intercept: float
    copy: float
    copy_precision: float
    similar: float
    similar_loss: float
    exact_bits: int
    fitted_on: str

    def log_odds(self, values: np.ndarray) -> np.ndarray:
        """(n, 8) features to (n,) log odds of being a copy."""
        scaled = (values - np.array(self.mean)) / np.array(self.deviation)
        return np.asarray(scaled @ np.array(self.coefficients) + self.intercept)

    def write(self, path: Path) -> None:
        """Writes plain JSON, atomically."""
        write_json(path, {"schema": SCHEMA, "features": list(FEATURES), **asdict(self)})


@cache
def read_calibration(file: str | None = None) -> Calibration:
    """Reads what `write` wrote, or what is shipped.

    Raises:
        InputError: no such file, damaged, of another schema or of other features.
    """
    path = SHIPPED if file is None else Path(file)
    try:
        values: dict[str, Any] = json.loads(path.read_bytes())
        if (values.pop("schema"), tuple(values.pop("features"))) != (SCHEMA, FEATURES):
            raise InputError(f"{path}: a calibration of another version: fit it again with train/ranking.py")
        lists: dict[str, Any] = {
            name: tuple(map(float, values.pop(name))) for name in ("mean", "deviation", "coefficients")
        }
        if any(len(item) != len(FEATURES) or not np.isfinite(item).all() for item in lists.values()):
            raise ValueError
        return Calibration(**lists, **values)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file: fit it with train/ranking.py") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: damaged, or no calibration: fit it again with train/ranking.py") from None


def distinct(log_odds: np.ndarray) -> np.ndarray:
    """Probabilities in (0, 1) of log odds that fall; where two would be equal the later one gets the next smaller number.

    So no two pairs of a result tie, whatever the digits of a sigmoid near 1 can still tell apart.
    """
    values = 1 / (1 + np.exp(-np.clip(log_odds, -700, 700)))
    previous = 1.0
    for row, value in enumerate(values.tolist()):
        previous = min(value, float(np.nextafter(previous, 0.0)))
        values[row] = previous
    return values
