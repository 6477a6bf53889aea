"""Global descriptors: encode a list, search, score normalisation (floor 2)."""

from imgfp.descriptors.encode import encode_paths
from imgfp.descriptors.search import TopkConfig, search_topk

__all__ = ["TopkConfig", "encode_paths", "search_topk"]
