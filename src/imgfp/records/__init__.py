"""The data types: pairs, ground truth, descriptor sets, evidence; they read, write and validate themselves."""

from imgfp.records.descriptors import DescriptorSet, read_descriptors, require_same_dim, write_descriptors
from imgfp.records.evidence import Evidence
from imgfp.records.ground_truth import GroundTruth
from imgfp.records.pairs import Pairs

__all__ = [
    "DescriptorSet",
    "Evidence",
    "GroundTruth",
    "Pairs",
    "read_descriptors",
    "require_same_dim",
    "write_descriptors",
]
