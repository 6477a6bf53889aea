"""Extracts local features of many images in several processes, in order.

Processes, not threads: computing the plane takes many small steps that hold the GIL, and pycolmap's SIFT holds it too.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from pathlib import Path
from types import TracebackType

from imgfp.images import Failure, read_rgb
from imgfp.local.features import LocalFeatures
from imgfp.local.sift.sift import SiftConfig
from imgfp.local.sift.views import ONE_VIEW, ViewsConfig, extract_views
from imgfp.local.sift.workers import WorkerContext, watch_parent
from imgfp.threads import thread_count

Extract = Callable[[Path], LocalFeatures | Failure]


class ExtractionPool:
    """Worker processes that run a picklable `work` on image files, started once and used for many shards."""

    def __init__(self, work: Extract, workers: int | None = None) -> None:
        self._work = work
        self._workers = workers or thread_count()
        self._pool = self._start()

    def extract(self, paths: Sequence[Path]) -> Iterator[LocalFeatures | Failure]:
        """Yields the features of each image in order, a `Failure` for unreadable images and those that crash the extractor."""
        try:
            results = list(self._pool.map(self._work, paths))
        except BrokenProcessPool:
            self._pool = self._start()
            yield from map(self._extract_alone, paths)
        else:
            yield from results

    def _start(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(self._workers, WorkerContext(), initializer=watch_parent)

    def _extract_alone(self, path: Path) -> LocalFeatures | Failure:
        """Extracts one image at a time, to identify an image that crashes the native code."""
        for _ in range(2):  # retry once: the worker may have run out of memory because of other images
            try:
                return self._pool.submit(self._work, path).result()
            except BrokenProcessPool:
                self._pool = self._start()
        return Failure(path, "the SIFT extractor crashed twice on this image")

    def __enter__(self) -> "ExtractionPool":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=True)


class SiftPool(ExtractionPool):
    """Extracts the features of the local branch: `with SiftPool(config) as pool:`."""

    def __init__(self, config: SiftConfig, workers: int | None = None, views: ViewsConfig = ONE_VIEW) -> None:
        super().__init__(partial(_extract_one, config=config, views=views), workers)


def _extract_one(path: Path, config: SiftConfig, views: ViewsConfig) -> LocalFeatures | Failure:
    rgb = read_rgb(path)
    return rgb if isinstance(rgb, Failure) else extract_views(rgb, config, views)
