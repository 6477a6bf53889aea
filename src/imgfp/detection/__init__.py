"""Detection of pasted images: detectors, query crops, and synthetic training scenes."""

from imgfp.detection.box import CLASSES, Box, Detection, overlap
from imgfp.detection.box_metrics import BoxMetrics, evaluate_boxes
from imgfp.detection.classical import find_boxes
from imgfp.detection.crops import CROPS, CropRules, choose_boxes, crop_rules, cut, region
from imgfp.detection.finders import FINDERS, Finder, detector_module, open_finder
from imgfp.detection.scenes import KINDS, Scene, Scenes, draw_kind
from imgfp.detection.synthesis import SynthesisConfig, describe_scenes, make_scenes, read_labels

__all__ = [
    "CLASSES",
    "CROPS",
    "FINDERS",
    "KINDS",
    "Box",
    "BoxMetrics",
    "CropRules",
    "Detection",
    "Finder",
    "Scene",
    "Scenes",
    "SynthesisConfig",
    "choose_boxes",
    "crop_rules",
    "cut",
    "describe_scenes",
    "detector_module",
    "draw_kind",
    "evaluate_boxes",
    "find_boxes",
    "make_scenes",
    "open_finder",
    "overlap",
    "read_labels",
    "region",
]
