"""A DISC-shaped folder of synthetic photographs, and a recipe that trains on it in seconds."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from learning_notes import TRAINING, Notes
from PIL import Image

from imgfp.edits import EditsConfig
from imgfp.encoders import NetworkConfig
from imgfp.learning.config import AdamWConfig, ConstantConfig, TrainerConfig, ValidationConfig
from imgfp.learning.data import PairsConfig, open_training
from imgfp.learning.losses import ContrastiveConfig
from imgfp.learning.recipe import Recipe
from imgfp.learning.train import Trained, train
from imgfp.learning.validation_set import judged_set
from imgfp.records import GroundTruth

REFERENCES, QUERIES = 4, 3


def _photograph(rng: np.random.Generator) -> np.ndarray:
    layers = [cv2.GaussianBlur(rng.normal(0, 1, (72, 96, 3)), (0, 0), s) * s * 60 for s in (1.5, 4, 12)]
    return np.clip(128 + sum(layers), 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def synthetic_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """TRAINING photographs, REFERENCES, a darker copy of each of the first QUERIES references, and one distractor."""
    root = tmp_path_factory.mktemp("synthetic_set") / "set"
    rng = np.random.default_rng(5)
    for part in ("training", "reference", "query"):
        (root / f"{part}_images").mkdir(parents=True)
    for number in range(TRAINING):
        Image.fromarray(_photograph(rng)).save(root / "training_images" / f"T{number:06d}.jpg", quality=95)
    rows = ["query_id,reference_id"]
    for number in range(REFERENCES):
        image = _photograph(rng)
        Image.fromarray(image).save(root / "reference_images" / f"R{number:06d}.jpg", quality=95)
        if number < QUERIES:
            Image.fromarray((image * 0.8).astype(np.uint8)).save(root / "query_images" / f"Q{number:05d}.jpg")
            rows.append(f"Q{number:05d},R{number:06d}")
    Image.fromarray(_photograph(rng)).save(root / "query_images" / f"Q{QUERIES:05d}.jpg")
    rows.append(f"Q{QUERIES:05d},")
    (root / "ground_truth.csv").write_text("\n".join(rows) + "\n")
    return root


@pytest.fixture
def micro() -> Recipe:
    """Two epochs of four steps, network and images as small as they can be."""
    return Recipe(
        NetworkConfig("test_efficientnet", dim=8),
        ContrastiveConfig(memory=64),
        AdamWConfig(lr=1e-3),
        ConstantConfig(),
        EditsConfig("weak"),
        PairsConfig(batch=3, negatives=1, workers=0),
        TrainerConfig(precision="fp32"),
        ValidationConfig(background=5),
        epochs=(2,),
        size=(32,),
    )


@pytest.fixture
def training(synthetic_set: Path):
    """Trains a recipe on the synthetic set."""

    def run(
        recipe: Recipe, folder: Path, notes: Notes | None = None, root: Path = synthetic_set, **changes: Any
    ) -> Trained:
        recipe = replace(recipe, **changes)
        data = open_training(recipe.pairs, recipe.edits, root, recipe.seed, recipe.size_of_epoch)
        judged, _ = judged_set(recipe, root, data)
        return train(recipe, data, judged, folder, notes or Notes(), {"experiment": "test"})

    return run


@pytest.fixture
def truth(synthetic_set: Path) -> GroundTruth:
    return GroundTruth.read_csv(synthetic_set / "ground_truth.csv")
