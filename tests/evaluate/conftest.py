"""A very small set in DISC's layout."""

from pathlib import Path

import pytest

from imgfp.pipeline import demo_set


@pytest.fixture(scope="session")
def tiny_disc(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """4 references, 3 training images, 4 queries made from references and 2 others."""
    pytest.importorskip("skimage")
    pytest.importorskip("sklearn")
    folder = tmp_path_factory.mktemp("disc") / "tiny"
    with pytest.MonkeyPatch.context() as patch:
        for name, count in {"REFERENCES": 4, "TRAINING": 3, "EDITED": 4, "DISTRACTORS": 2}.items():
            patch.setattr(demo_set, name, count)
        demo_set.make_demo_set(folder)
    return folder
