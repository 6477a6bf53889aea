"""Reads and writes imgFp's text format of local features.

One line per keypoint: `<image id>_<n>_<x>_<y>_<sigma>_<theta>||d0,...,d127`, numbers with six significant digits.
"""

from pathlib import Path

import numpy as np

from imgfp.errors import InputError
from imgfp.files import read_lines, write_bytes
from imgfp.local.features import DESCRIPTOR_SIZE, LocalFeatures


def write_text(path: Path, image_id: str, features: LocalFeatures) -> None:
    """Writes the features of one image; without features the file is empty."""
    lines = []
    for number, (keypoint, descriptor) in enumerate(zip(features.keypoints, features.descriptors, strict=True)):
        place = "_".join(f"{value:.6g}" for value in keypoint.tolist())
        lines.append(f"{image_id}_{number}_{place}||{','.join(map(str, descriptor.tolist()))}\n")
    write_bytes(path, "".join(lines).encode())


def read_text(path: Path) -> LocalFeatures:
    """Reads the features of one image. The format does not store the plane size: width and height are 0 (unknown).

    Raises:
        InputError: names the line that is not in the format above.
    """
    keypoints, descriptors = [], []
    for number, line in enumerate(read_lines(path, "imgFp's features as written by 'imgfp sift'"), start=1):
        head, bars, tail = line.partition("||")
        try:
            place = [float(text) for text in head.rsplit("_", 4)[1:]]
            values = [int(text) for text in tail.rstrip(",").split(",")]
            if (
                not bars
                or len(place) != 4
                or not np.isfinite(place).all()
                or len(values) != DESCRIPTOR_SIZE
                or not 0 <= min(values) <= max(values) <= 255
            ):
                raise ValueError
        except ValueError:
            raise InputError(
                f"{path} line {number}: {line[:60]!r} is not <id>_<n>_<x>_<y>_<sigma>_<theta>||<128 integers 0..255>: "
                "extract the image again"
            ) from None
        keypoints.append(place)
        descriptors.append(values)
    return LocalFeatures(
        np.array(keypoints, np.float32).reshape(-1, 4),
        np.array(descriptors, np.uint8).reshape(-1, DESCRIPTOR_SIZE),
        0,
        0,
    )
