"""The benchmarks of matchable retrieval by name, with the options that each has."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from imgfp.datasets.gl3d import open_gl3d
from imgfp.datasets.holidays import open_holidays
from imgfp.datasets.matchable_set import MatchableSet
from imgfp.datasets.oxford import open_oxford
from imgfp.datasets.revisited import open_revisited
from imgfp.datasets.scenes import open_scenes
from imgfp.errors import InputError

_LISTS = ("image_list", "query_list")
# per benchmark: what opens it, its options, and those that together make its folder unnecessary
BENCHMARKS: dict[str, tuple[Callable[..., MatchableSet], tuple[str, ...], tuple[str, ...]]] = {
    "scenes": (open_scenes, (), ()),
    "gl3d": (open_gl3d, ("image_list", "ground_truth", "label", "threshold"), ("image_list", "ground_truth")),
    "oxford": (partial(open_oxford, name="oxford"), (*_LISTS, "ground_truth"), ("image_list", "ground_truth")),
    "paris": (partial(open_oxford, name="paris"), (*_LISTS, "ground_truth"), ("image_list", "ground_truth")),
    "roxford": (partial(open_revisited, name="roxford"), ("ground_truth",), ("ground_truth",)),
    "rparis": (partial(open_revisited, name="rparis"), ("ground_truth",), ("ground_truth",)),
    "holidays": (open_holidays, _LISTS, ("image_list",)),
}


def open_benchmark(name: str, root: Path, options: Mapping[str, Path | str | float | None]) -> MatchableSet:
    """Opens a benchmark.

    Args:
        name: One of `BENCHMARKS`.
        root: Its folder.
        options: Values of image_list, query_list, ground_truth (paths), label, threshold; None where not given.

    Raises:
        InputError: an unknown name, an option that the benchmark does not have, a folder of unknown layout.
    """
    if name not in BENCHMARKS:
        raise InputError(f"data.benchmark={name}: must be one of {', '.join(BENCHMARKS)}")
    opened, known, sufficient = BENCHMARKS[name]
    for key, value in options.items():
        if value is not None and key not in known:
            raise InputError(f"data.{key}={value} has no effect on benchmark {name}: remove it")
    complete = sufficient and all(options.get(key) is not None for key in sufficient)
    if not root.is_dir() and not complete:
        raise InputError(f"{root}: no such folder: give the folder of {name} with data.root=DIR")
    return opened(root, **{key: options.get(key) for key in known})
