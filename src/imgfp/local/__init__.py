"""The local branch: SIFT, its store, votes, matches, verification (floor 2)."""

from imgfp.local.extract import SiftPool
from imgfp.local.features import LocalFeatures
from imgfp.local.match import Side
from imgfp.local.sift import SiftConfig
from imgfp.local.store import FeatureSource, FeatureStore, open_features, write_shard
from imgfp.local.text import write_text
from imgfp.local.verify import MatchConfig, MatchedPair, compare_pair
from imgfp.local.vote import VoteConfig, vote

__all__ = [
    "FeatureSource",
    "FeatureStore",
    "LocalFeatures",
    "MatchConfig",
    "MatchedPair",
    "Side",
    "SiftConfig",
    "SiftPool",
    "VoteConfig",
    "compare_pair",
    "open_features",
    "vote",
    "write_shard",
    "write_text",
]
