"""Overlay boxes: pictures made to learn them from (floor 2)."""

from imgfp.detection.box import CLASSES, Box, overlap
from imgfp.detection.scenes import KINDS, Scene, Scenes, draw_kind
from imgfp.detection.synthesis import SynthesisConfig, make_scenes, read_labels

__all__ = [
    "CLASSES",
    "KINDS",
    "Box",
    "Scene",
    "Scenes",
    "SynthesisConfig",
    "draw_kind",
    "make_scenes",
    "overlap",
    "read_labels",
]
