"""Labels of matches."""

from imgfp.fusion.calibration import Calibration

EXACT, EDITED, SIMILAR, NONE = "exact copy", "edited copy", "similar, not a copy", "none"
COPIES = (EXACT, EDITED)


def label(probability: float, hash_bits: int | None, calibration: Calibration) -> str:
    """The label of a match.

    Args:
        probability: Probability of being a copy.
        hash_bits: Hamming distance of the 64-bit perceptual hashes; None if not computed.
        calibration: The calibration with the thresholds of the labels.
    """
    if probability < calibration.copy:
        return NONE if probability < calibration.similar else SIMILAR
    return EXACT if hash_bits is not None and hash_bits <= calibration.exact_bits else EDITED
