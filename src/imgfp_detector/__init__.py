"""Learned detector of pasted images: YOLOv5 by ultralytics. Importing this package loads neither ultralytics nor weights."""

from imgfp_detector.finder import LearnedFinder, open_finder
from imgfp_detector.recipe import NETWORKS, DetectorRecipe
from imgfp_detector.weights import SHIPPED, read_card

REQUIRES = ("ultralytics", "onnx", "onnxruntime")

__all__ = ["NETWORKS", "REQUIRES", "SHIPPED", "DetectorRecipe", "LearnedFinder", "open_finder", "read_card"]
