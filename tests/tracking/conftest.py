"""One store for all tests of this package."""

from pathlib import Path

import pytest

from imgfp.tracking import Store, open_store


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return open_store(tmp_path_factory.mktemp("tracking") / "a folder with spaces")


@pytest.fixture(scope="session")
def folder_of_source() -> Path:
    return Path(__file__).resolve().parents[2] / "src"
