"""What an answer is called, in words."""

from imgfp.fusion.calibration import Calibration

EXACT, EDITED, SIMILAR, NONE = "exact copy", "edited copy", "similar, not a copy", "none"
COPIES = (EXACT, EDITED)


def label(probability: float, hash_bits: int | None, calibration: Calibration) -> str:
    """The label of an answer.

    Args:
        probability: Of being a copy.
        hash_bits: In how many of 64 bits the two perceptual hashes differ; None where they were not compared.
        calibration: Its thresholds decide; it says which precision they have.
    """
    if probability < calibration.copy:
        return NONE if probability < calibration.similar else SIMILAR
    return EXACT if hash_bits is not None and hash_bits <= calibration.exact_bits else EDITED
