"""The calibrations that settings of the merge may choose from."""

from collections.abc import Sequence

from imgfp.errors import InputError
from imgfp.fusion import Calibration, read_calibration
from imgfp.pipeline.preset import Preset


def read_calibrations(preset: Preset | None, files: Sequence[str | None]) -> dict[str | None, Calibration]:
    """The calibrations by file; None stands for the preset's own. Empty with a rule that has none.

    Raises:
        InputError: a file that cannot be used, or one that would have no effect.
    """
    rule = "sum" if preset is None else preset.fusion.rule
    if preset is None or rule != "calibrated":
        if given := [file for file in files if file is not None]:
            raise InputError(f"fusion.calibration={given[0]} has no effect with fusion.rule={rule!r}: leave it out")
        return {}
    return {file: read_calibration(preset.fusion.calibration if file is None else file) for file in files}
