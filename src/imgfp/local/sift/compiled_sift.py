"""Our SIFT: OpenCV filters for the pyramid, numba for the rest. Equivalent to VLFeat's SIFT, see docs/local.md."""

import numpy as np

from imgfp.local.features import DESCRIPTOR_SIZE
from imgfp.local.sift.descriptor import describe
from imgfp.local.sift.extrema import find_extrema
from imgfp.local.sift.gradients import fill_gradients
from imgfp.local.sift.orientations import find_orientations
from imgfp.local.sift.scale_space import FIRST_BLUR, make_octaves
from imgfp.local.sift.workspace import Workspace

_workspace = Workspace()


def find_and_describe(
    plane: np.ndarray, octaves: int, levels: int, peak: float, edge: float, orientations: int
) -> tuple[np.ndarray, np.ndarray]:
    """Keypoints and RootSIFT descriptors of a plane.

    Args:
        plane: (h, w) uint8.
        octaves: Maximum number of octaves.
        levels: Levels per octave.
        peak: Contrast threshold in grey levels.
        edge: Maximum ratio of principal curvatures.
        orientations: Maximum number of orientations per location.

    Returns:
        (n, 4) float32 x, y (pixel centre = integer), sigma in pixels, theta in radians, -pi to pi; (n, 128) uint8. Sorted by
        octave, level, row, column, orientation.
    """
    keypoints, descriptors = [np.zeros((0, 4))], [np.zeros((0, DESCRIPTOR_SIZE), np.uint8)]
    for octave in make_octaves(plane, octaves, levels, _workspace):
        extrema = find_extrema(octave.differences, peak, edge)
        extrema[:, 2] = FIRST_BLUR * 2 ** (extrema[:, 2] / levels)  # level to sigma
        magnitude, direction = _workspace.take("gradients", (2, *octave.levels.shape[1:]))
        limits = np.searchsorted(extrema[:, 3], np.arange(levels + 3))
        for level in np.flatnonzero(np.diff(limits)):
            fill_gradients(octave.levels[level], magnitude, direction)
            of_level = extrema[limits[level] : limits[level + 1]]
            found = find_orientations(magnitude, direction, of_level, orientations)
            descriptors.append(describe(magnitude, direction, found))
            found[:, 3] -= found[:, 3] > 0.5  # to -1/2 .. 1/2 turns
            keypoints.append(found * (octave.step, octave.step, octave.step, 2 * np.pi))
    return np.concatenate(keypoints).astype(np.float32), np.concatenate(descriptors)
