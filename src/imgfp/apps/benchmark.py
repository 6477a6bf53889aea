"""The benchmark of evaluate/mirror.py."""

from pathlib import Path

from imgfp.apps.schemas import MirrorApp
from imgfp.datasets.benchmarks import open_benchmark
from imgfp.datasets.matchable_set import MatchableSet


def benchmark_of(app: MirrorApp) -> MatchableSet:
    """The benchmark that the configuration names."""
    section = app.data
    options = {
        "image_list": section.image_list and Path(section.image_list),
        "query_list": section.query_list and Path(section.query_list),
        "ground_truth": section.ground_truth and Path(section.ground_truth),
        "label": section.label,
        "threshold": section.threshold,
    }
    return open_benchmark(section.benchmark, Path(section.root), options)
