"""Features extracted in the test's own process."""

from collections.abc import Iterator
from pathlib import Path

from imgfp.images import Failure, read_rgb
from imgfp.local.features import LocalFeatures
from imgfp.local.sift.sift import SiftConfig
from imgfp.local.sift.views import ONE_VIEW, ViewsConfig, extract_views


class OneProcess:
    """Stands in for `SiftPool`: a worker process costs seconds to start, and gives the same bytes (one test says so)."""

    def __init__(self, config: SiftConfig, views: ViewsConfig = ONE_VIEW) -> None:
        self._config, self._views = config, views

    def __enter__(self) -> "OneProcess":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def extract(self, paths: list[Path]) -> Iterator[LocalFeatures | Failure]:
        """As `SiftPool.extract`."""
        for path in paths:
            rgb = read_rgb(path)
            yield rgb if isinstance(rgb, Failure) else extract_views(rgb, self._config, self._views)
