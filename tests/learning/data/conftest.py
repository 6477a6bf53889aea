"""Small synthetic photographs, and trainings on them. Edits are the real ones."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from imgfp.edits import EditsConfig
from imgfp.files import write_csv
from imgfp.learning.data import PairsConfig, TrainingData, open_training

Opener = Callable[..., TrainingData]


def write_photographs(folder: Path, names: list[str], seed: int) -> None:
    """Blurred noise: detail everywhere, no two alike."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    for name in names:
        noise = cv2.GaussianBlur(rng.normal(0, 1, (54, 70, 3)), (0, 0), 2) * 400
        Image.fromarray(np.clip(128 + noise, 0, 255).astype(np.uint8)).save(folder / name, "JPEG", quality=90)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """DISC-shaped: 11 training photographs, 7 references, 5 queries of which Q1, Q2 and Q4 have a reference."""
    root = tmp_path_factory.mktemp("training") / "made"
    write_photographs(root / "training_images", [f"T{k:02d}.jpg" for k in range(11)], seed=1)
    write_photographs(root / "reference_images", [f"R{k}.jpg" for k in range(7)], seed=2)
    write_photographs(root / "query_images", [f"Q{k}.jpg" for k in range(5)], seed=3)
    rows = [("Q0", ""), ("Q1", "R3"), ("Q2", "R0"), ("Q3", ""), ("Q4", "R3")]
    write_csv(root / "ground_truth.csv", ["query_id", "reference_id"], rows)
    return root


@pytest.fixture
def opened(made: Path) -> Opener:
    """Opens `made`: keywords of PairsConfig, and `size_of_epoch`, `seed`, `rank`, `world`, `root`, `edits`."""

    def opener(**settings: Any) -> TrainingData:
        others = {key: settings.pop(key) for key in ("rank", "world") if key in settings}
        root, seed = settings.pop("root", made), settings.pop("seed", 5)
        size_of_epoch = settings.pop("size_of_epoch", lambda epoch: 32)
        edits = settings.pop("edits", EditsConfig())
        config = PairsConfig(**{"batch": 4, "negatives": 2, "workers": 0} | settings)
        return open_training(config, edits, root, seed, size_of_epoch, **others)

    return opener


@pytest.fixture
def truth(made: Path) -> str:
    return str(made / "ground_truth.csv")
