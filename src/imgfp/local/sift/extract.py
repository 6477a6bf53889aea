"""Local features of many images, several processes at a time, order kept.

Processes, not threads: the plane is made in many small steps that hold Python's lock, and pycolmap's SIFT holds it while it
works.
"""

from collections.abc import Iterator, Sequence
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


class SiftPool:
    """Worker processes that extract features, started once and used for many shards: `with SiftPool(config) as pool:`."""

    def __init__(self, config: SiftConfig, workers: int | None = None, views: ViewsConfig = ONE_VIEW) -> None:
        self._work = partial(_extract_one, config=config, views=views)
        self._workers = workers or thread_count()
        self._pool = self._start()

    def extract(self, paths: Sequence[Path]) -> Iterator[LocalFeatures | Failure]:
        """Yields each image's features in order, a `Failure` for one that cannot be read or that ends the extractor."""
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
        """One image at a time, so that an image on which the native code dies is known by name."""
        for _ in range(2):  # a worker may also have died for want of memory: an image gets a second try
            try:
                return self._pool.submit(self._work, path).result()
            except BrokenProcessPool:
                self._pool = self._start()
        return Failure(path, "the SIFT extractor died on this image, twice")

    def __enter__(self) -> "SiftPool":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=True)


def _extract_one(path: Path, config: SiftConfig, views: ViewsConfig) -> LocalFeatures | Failure:
    rgb = read_rgb(path)
    return rgb if isinstance(rgb, Failure) else extract_views(rgb, config, views)
