"""From what comparing a pair found to the probability that the query is a copy of the reference.

A logistic regression whose coefficients are plain JSON (`calibration.json`, written by train/ranking.py, which fits them to
self-made copies of training photographs). The same file says which precision the labels' thresholds have.
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
    """(n, 7) float64, columns as FEATURES.

    Each pair by itself: how it compares with the query's other candidates would tell more where a collection holds a
    picture once, and would reject both copies where it holds a picture twice.
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
        """(n, 7) features to (n,) log odds of being a copy."""
        scaled = (values - np.array(self.mean)) / np.array(self.deviation)
        return np.asarray(scaled @ np.array(self.coefficients) + self.intercept)

    def write(self, path: Path) -> None:
        """Writes plain JSON, atomically."""
        write_json(path, {"schema": SCHEMA, "features": list(FEATURES), **asdict(self)})


def read_calibration(file: str | None = None) -> Calibration:
    """Reads what `write` wrote, or what is shipped.

    Raises:
        InputError: no such file, not readable, damaged, of another schema or of other features.
    """
    path = SHIPPED if file is None else Path(file)
    try:
        values: dict[str, Any] = json.loads(path.read_bytes())
        if (values.pop("schema"), tuple(values.pop("features"))) != (SCHEMA, FEATURES):
            raise InputError(f"{path}: a calibration of another version: fit it again with train/ranking.py")
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
        raise InputError(f"{path}: {error.strerror}: give a file that train/ranking.py wrote") from None
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
