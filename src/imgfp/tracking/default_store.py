"""The store that MLflow uses where none is named, set for a moment."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from imgfp.tracking.address import VARIABLE


@contextmanager
def default_store(uri: str) -> Iterator[None]:
    """MLflow (3.17) looks the source of a model version up in the process's default store, whichever client is asked."""
    import mlflow

    before = os.environ.get(VARIABLE)  # MLflow keeps it equal to what was set
    mlflow.set_tracking_uri(uri)
    try:
        yield
    finally:
        mlflow.set_tracking_uri(before)  # type: ignore[arg-type]  # None: unset
