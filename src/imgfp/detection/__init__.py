"""Pictures pasted into pictures: found, cut out, and made to learn from (floor 2)."""

from imgfp.detection.box import CLASSES, Box, overlap
from imgfp.detection.classical import Found, find_boxes
from imgfp.detection.crops import CROPS, CropRules, choose_boxes, crop_rules, cut
from imgfp.detection.scenes import KINDS, Scene, Scenes, draw_kind
from imgfp.detection.synthesis import SynthesisConfig, make_scenes, read_labels

__all__ = [
    "CLASSES",
    "CROPS",
    "KINDS",
    "Box",
    "CropRules",
    "Found",
    "Scene",
    "Scenes",
    "SynthesisConfig",
    "choose_boxes",
    "crop_rules",
    "cut",
    "draw_kind",
    "find_boxes",
    "make_scenes",
    "overlap",
    "read_labels",
]
