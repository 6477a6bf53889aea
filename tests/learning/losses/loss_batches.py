"""Batches of descriptors, and one config of every loss."""

from collections.abc import Sequence

import numpy as np
import torch

from imgfp.learning.losses import (
    ContrastiveConfig,
    InfoNceKoleoConfig,
    LossConfig,
    MarginConfig,
    TripletConfig,
)

DIM = 8
# what a loss asks of a user is that its terms do not vanish on random batches: wide margins
CONFIGS: dict[str, LossConfig] = {
    "contrastive": ContrastiveConfig(margin=1.2, positive_margin=0.1),
    "triplet": TripletConfig(margin=0.5),
    "triplet_swap": TripletConfig(margin=0.5, swap=True),
    "triplet_smooth": TripletConfig(margin=0.0, smooth=True),
    "margin": MarginConfig(margin=0.3, beta=1.1, nu=0.2),
    "infonce_koleo": InfoNceKoleoConfig(temperature=0.1, entropy_weight=3.0),
}


def batch(seed: int, labels: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
    """Unit rows (n, DIM) with a graph, and their labels; rows of one label lie around one direction."""
    rng = np.random.default_rng([seed, len(labels)])
    centres = {label: rng.normal(size=DIM) for label in sorted(set(labels))}
    rows = np.array([centres[label] + 0.6 * rng.normal(size=DIM) for label in labels]).reshape(-1, DIM)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return torch.tensor(rows, dtype=torch.float32, requires_grad=True), torch.tensor(labels, dtype=torch.int64)
