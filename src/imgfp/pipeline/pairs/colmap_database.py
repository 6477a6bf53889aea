"""Writes photographs, keypoints and verified pairs into a COLMAP database, from which the mapper starts at once."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from imgfp.errors import InputError
from imgfp.files import atomic_path
from imgfp.images.decode import orientation
from imgfp.local.features import LocalFeatures
from imgfp.local.store import FeatureSource
from imgfp.pipeline.pairs.verify import TwoView

CAMERAS = ("auto", "single", "per-folder", "per-image")


def write_database(
    path: Path,
    root: Path,
    names: tuple[str, ...],
    features: FeatureSource,
    pairs: Iterable[tuple[tuple[int, int], TwoView]],
    camera: str = "auto",
) -> None:
    """Writes a new database atomically. Cameras are SIMPLE_RADIAL; COLMAP takes focal lengths from EXIF where they are known.

    Args:
        path: The database.
        root: The folder of the photographs.
        names: The photographs, relative to `root`.
        features: Their features, in the same order.
        pairs: Verified pairs by position, each once.
        camera: Which photographs share a camera, one of `CAMERAS` (COLMAP's camera modes).

    Raises:
        InputError: COLMAP cannot read one of the photographs.
    """
    import pycolmap

    pycolmap.logging.minloglevel = 2  # errors only
    with atomic_path(path) as temporary:
        temporary.unlink(missing_ok=True)
        pycolmap.Database.open(temporary).close()  # the import needs an existing file
        mode = getattr(pycolmap.CameraMode, camera.upper().replace("-", "_"))
        pycolmap.import_images(temporary, root, mode, list(names))
        database = pycolmap.Database.open(temporary)
        try:
            ids = {image.name: image.image_id for image in database.read_all_images()}
            if missing := [name for name in names if name not in ids]:
                raise InputError(
                    f"{root / missing[0]}: COLMAP cannot read this image: convert it to JPEG or PNG, or run without --colmap"
                )
            frames = [photograph_frame(root / name, features.get(row)) for row, name in enumerate(names)]
            with pycolmap.DatabaseTransaction(database):
                for row, name in enumerate(names):
                    database.write_keypoints(ids[name], _keypoints(features.get(row), frames[row]))
                for (first, second), found in pairs:
                    both = ids[names[first]], ids[names[second]]
                    database.write_matches(*both, found.matches.astype(np.uint32))
                    geometry = _geometry(found, frames[first], frames[second])
                    database.write_two_view_geometry(*both, geometry)
        finally:
            database.close()


def photograph_frame(path: Path, features: LocalFeatures) -> np.ndarray:
    """(3, 3) affine map from the plane of the features to the pixels of the file, pixel centres at 0.5 in both.

    COLMAP ignores the EXIF orientation, which our decoder applies; so it is undone here.
    """
    with Image.open(path) as image:
        (width, height), turned = image.size, orientation(image)
    swapped = turned >= 5
    upright = (height, width) if swapped else (width, height)
    scale = np.diag([upright[0] / features.width, upright[1] / features.height, 1.0])
    right, down = turned in (2, 3, 7, 8), turned in (3, 4, 6, 7)  # which axes of the file run backwards
    axes = np.array([[0.0, 1.0], [1.0, 0.0]]) if swapped else np.eye(2)
    undo = np.eye(3)
    undo[:2, :2] = np.diag([-1.0 if right else 1.0, -1.0 if down else 1.0]) @ axes
    undo[:2, 2] = [width if right else 0, height if down else 0]
    return np.asarray(undo @ scale)


def _keypoints(features: LocalFeatures, frame: np.ndarray) -> np.ndarray:
    """(n, 4) float32 x, y, scale, orientation in pixels of the file."""
    keypoints = features.keypoints.astype(np.float64)
    keypoints[:, :2] = (keypoints[:, :2] + 0.5) @ frame[:2, :2].T + frame[:2, 2]
    directions = np.stack([np.cos(keypoints[:, 3]), np.sin(keypoints[:, 3])], axis=1) @ frame[:2, :2].T
    keypoints[:, 2] *= np.sqrt(abs(np.linalg.det(frame[:2, :2])))
    keypoints[:, 3] = np.arctan2(directions[:, 1], directions[:, 0])
    return np.asarray(keypoints, np.float32)


def _geometry(found: TwoView, first: np.ndarray, second: np.ndarray):  # type: ignore[no-untyped-def]  # pycolmap ships no types
    """COLMAP's two-view geometry, with the model in pixels of the files."""
    import pycolmap

    assert found.model is not None, "a verified pair has a model"
    geometry = pycolmap.TwoViewGeometry()
    geometry.inlier_matches = found.matches.astype(np.uint32)
    back = np.linalg.inv(first)
    if found.planar:
        geometry.config = pycolmap.TwoViewGeometryConfiguration.PLANAR_OR_PANORAMIC
        geometry.H = second @ found.model @ back
    else:
        geometry.config = pycolmap.TwoViewGeometryConfiguration.UNCALIBRATED
        geometry.F = np.linalg.inv(second).T @ found.model @ back
    return geometry
