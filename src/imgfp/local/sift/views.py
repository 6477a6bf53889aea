"""Additional views of a query: upscaled, to find keypoints of copies pasted small, and stretched, for changed aspect ratios."""

from dataclasses import dataclass

import numpy as np

from imgfp.local.features import LocalFeatures
from imgfp.local.sift.plane import full_range_luma, limited_range, plane_size, shrink
from imgfp.local.sift.sift import SiftConfig, sift_of_plane


@dataclass(frozen=True)
class ViewsConfig:
    """Additional views of a query; references have a single view.

    Attributes:
        upscale: Scale factor of a second view, computed from the full-size image; 1: no such view.
        aspect: Stretch factor of two more views, one horizontal and one vertical; 1: no such views.
    """

    upscale: float = 2.0
    aspect: float = 1.5

    @property
    def factors(self) -> tuple[tuple[float, float], ...]:
        """(horizontal, vertical) scale of each view; the original is first."""
        found = [(1.0, 1.0)]
        if self.upscale != 1:
            found.append((self.upscale, self.upscale))
        if self.aspect != 1:
            found += [(self.aspect, 1.0), (1.0, self.aspect)]
        return tuple(found)


ONE_VIEW = ViewsConfig(1.0, 1.0)


def extract_views(rgb: np.ndarray, config: SiftConfig, views: ViewsConfig) -> LocalFeatures:
    """Extracts the features of an RGB image in all views, concatenated, in pixels of the first view's plane.

    Args:
        rgb: (height, width, 3) uint8, decoded at full size.
        config: Settings of the detector for each view.
        views: The views.
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
    """The features with positions and sizes in pixels of a (height, width) plane."""
    if (features.width, features.height) == (width, height):
        return features
    x, y = width / features.width, height / features.height
    keypoints = features.keypoints.copy()
    keypoints[:, :2] = (keypoints[:, :2] + 0.5) * (x, y) - 0.5
    keypoints[:, 2] *= np.sqrt(x * y)
    return LocalFeatures(keypoints, features.descriptors, width, height)
