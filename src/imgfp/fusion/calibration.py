"""Probability that the query is a copy of the reference, from the evidence of a pair.

A logistic regression with coefficients in plain JSON (`calibration.json`), fitted by train/ranking.py to synthetic copies
of training photographs. The file also contains the thresholds of the labels and their precision.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
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
)


def features(pairs: Sequence[Evidence]) -> np.ndarray:
    """(n, 7) float64, columns as in FEATURES.

    Each pair is described independently. A comparison with the query's other candidates would help if the collection
    contained every image once, but would reject both copies of an image that it contains twice.
    """
    columns = np.array(
        [
            [
                *(pair.inliers, pair.matches, pair.query_area, pair.reference_area, pair.scale, pair.anisotropy),
                pair.mirrored or pair.inverted,
            ]
            for pair in pairs
        ],
        dtype=np.float64,
    ).reshape(-1, len(FEATURES))
    inliers, matches, query_area, reference_area, scale, anisotropy, changed = columns.T
    return np.stack(
        [
            np.log1p(inliers),
            inliers / np.maximum(matches, 1),
            np.log(query_area + 0.01),
            np.log(reference_area + 0.01),
            np.abs(np.log(scale)),
            np.log(anisotropy),
            changed,
        ],
        axis=1,
    )


@dataclass(frozen=True)
class Calibration:
    """A fitted regression and the thresholds of the labels.

    Attributes:
        mean, deviation: Mean and standard deviation of each feature in the fitting data.
        coefficients, intercept: Of the regression on standardised features.
        copy: Minimum probability of the label "copy", chosen for precision `copy_precision` on the fitting data.
        similar: Minimum probability of the label "similar"; at most a fraction `similar_loss` of the found copies is below.
        exact_bits: Maximum Hamming distance of the 64-bit perceptual hashes of an exact copy.
        fitted_on: Description of the fitting data.
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
        """(n, 7) features to (n,) log odds of being a copy."""
        scaled = (values - np.array(self.mean)) / np.array(self.deviation)
        return np.asarray(scaled @ np.array(self.coefficients) + self.intercept)

    def write(self, path: Path) -> None:
        """Writes plain JSON, atomically."""
        write_json(path, {"schema": SCHEMA, "features": list(FEATURES), **asdict(self)})


def read_calibration(file: str | None = None) -> Calibration:
    """Reads a file written by `Calibration.write`; None: the shipped one.

    Raises:
        InputError: the file is missing, unreadable, damaged, or of an unknown schema or feature list.
    """
    path = SHIPPED if file is None else Path(file)
    try:
        values: dict[str, Any] = json.loads(path.read_bytes())
        if (values.pop("schema"), tuple(values.pop("features"))) != (SCHEMA, FEATURES):
            raise InputError(f"{path}: calibration of an unsupported version: fit it again with train/ranking.py")
        lists: dict[str, Any] = {
            name: tuple(map(float, values.pop(name))) for name in ("mean", "deviation", "coefficients")
        }
        found = Calibration(**lists, **values)
        numbers = (
            found.intercept,
            found.copy,
            found.copy_precision,
            found.similar,
            found.similar_loss,
            found.exact_bits,
        )
        if any(len(item) != len(FEATURES) for item in lists.values()) or min(found.deviation) <= 0:
            raise ValueError
        if not np.isfinite(np.array([*found.mean, *found.deviation, *found.coefficients, *numbers], float)).all():
            raise ValueError
        return found
    except FileNotFoundError:
        raise InputError(f"{path}: no such file: fit it with train/ranking.py") from None
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}: give a file written by train/ranking.py") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: damaged or not a calibration file: fit it again with train/ranking.py") from None


def distinct(log_odds: np.ndarray) -> np.ndarray:
    """Strictly decreasing probabilities in (0, 1) of descending log odds; ties get the next smaller float.

    This avoids ties in a ranking where the sigmoid saturates near 1.
    """
    values = 1 / (1 + np.exp(-np.clip(log_odds, -700, 700)))
    previous = 1.0
    for row, value in enumerate(values.tolist()):
        previous = min(value, float(np.nextafter(previous, 0.0)))
        values[row] = previous
    return values
