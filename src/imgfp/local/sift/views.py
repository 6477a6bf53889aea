"""Further sizes in which a query is looked at: a copy pasted small shows its keypoints only when enlarged, a squeezed one when stretched."""

from dataclasses import dataclass

import numpy as np

from imgfp.local.features import LocalFeatures
from imgfp.local.sift.plane import full_range_luma, limited_range, plane_size, shrink
from imgfp.local.sift.sift import SiftConfig, sift_of_plane


@dataclass(frozen=True)
class ViewsConfig:
    """In which sizes a query is looked at beside its own; references are looked at once.

    Attributes:
        upscale: A second resolution, so many times as fine, from the full picture where it has the pixels; 1: none.
        aspect: Two more views, stretched so many times across and along, against changed aspect ratios; 1: none.
    """

    upscale: float = 2.0
    aspect: float = 1.5

    @property
    def factors(self) -> tuple[tuple[float, float], ...]:
        """(across, along) of each view; the picture's own is first."""
        found = [(1.0, 1.0)]
        if self.upscale != 1:
            found.append((self.upscale, self.upscale))
        if self.aspect != 1:
            found += [(self.aspect, 1.0), (1.0, self.aspect)]
        return tuple(found)


ONE_VIEW = ViewsConfig(1.0, 1.0)


def extract_views(rgb: np.ndarray, config: SiftConfig, views: ViewsConfig) -> LocalFeatures:
    """Features of an RGB picture in all views, one after the other, all in the pixels of the first one's plane.

    Args:
        rgb: (height, width, 3) uint8, decoded at full size.
        config: How keypoints are found in each view.
        views: Which views.
    """
    luma = limited_range(full_range_luma(rgb))
    width, height = plane_size(rgb.shape[1], rgb.shape[0], config.side)
    found = [
        _in_frame(
            sift_of_plane(shrink(luma, max(1, round(width * x)), max(1, round(height * y))), config), width, height
        )
        for x, y in views.factors
    ]
    return LocalFeatures(
        np.concatenate([item.keypoints for item in found]),
        np.concatenate([item.descriptors for item in found]),
        width,
        height,
        tuple(len(item) for item in found),
    )


def _in_frame(features: LocalFeatures, width: int, height: int) -> LocalFeatures:
    """The same features with positions and sizes in the pixels of a (height, width) plane."""
    if (features.width, features.height) == (width, height):
        return features
    x, y = width / features.width, height / features.height
    keypoints = features.keypoints.copy()
    keypoints[:, :2] = (keypoints[:, :2] + 0.5) * (x, y) - 0.5
    keypoints[:, 2] *= np.sqrt(x * y)
    return LocalFeatures(keypoints, features.descriptors, width, height)
