"""Branches into one score (floor 2)."""

from imgfp.fusion.merge import FusionConfig, best_answers, sum_scores, unite, verified, write_merged_text

__all__ = ["FusionConfig", "best_answers", "sum_scores", "unite", "verified", "write_merged_text"]
