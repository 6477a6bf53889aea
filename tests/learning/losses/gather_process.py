"""One process of the test of `gather`: its share of every case, backward, and what came out written to a file."""

from pathlib import Path
from typing import Any

import torch
from loss_batches import DIM, batch
from torch import distributed, nn

from imgfp.learning.losses import (
    ContrastiveConfig,
    InfoNceKoleoConfig,
    LossConfig,
    MarginConfig,
    create_loss,
    gather,
)

CONFIGS: list[LossConfig] = [
    ContrastiveConfig(margin=1.2, memory=12),
    MarginConfig(margin=0.3, beta=1.1, memory=12),
    InfoNceKoleoConfig(0.1, 3.0),
]
# rows of either process in successive steps; 0: all its images failed
COUNTS = [(4, 4), (3, 5), (6, 0), (0, 0), (0, 2), (1, 6)]
LABELS = [0, 1, 0, 2, 1, 2, 3, 3]


def run(config: LossConfig, rank: int, everything: bool) -> list[dict[str, Any]]:
    """The steps of one loss: this process's rows, or all of them."""
    torch.manual_seed(0)
    layer, loss, steps = nn.Linear(DIM, DIM), create_loss(config, DIM), []
    for step, counts in enumerate(COUNTS):
        rows, labels = batch(step, LABELS[: sum(counts)])
        mine = slice(None) if everything else [slice(0, counts[0]), slice(counts[0], None)][rank]
        inputs = rows.detach()[mine].clone().requires_grad_()
        # a process without images never ran the network: its descriptors have no graph
        descriptors = nn.functional.normalize(layer(inputs)) if len(inputs) or everything else torch.zeros(0, DIM)
        descriptors, labels = gather(descriptors, labels[mine])
        value = loss(descriptors, labels)
        layer.zero_grad()
        loss.zero_grad()
        value.backward()
        parameters = [*layer.parameters(), *loss.parameters()]
        gradients = [torch.zeros_like(item) if item.grad is None else item.grad for item in parameters]
        steps.append(
            {
                "value": value.detach(),
                "labels": labels,
                "inputs": torch.zeros(0, DIM) if inputs.grad is None else inputs.grad.clone(),
                "weights": [gradient.clone() for gradient in gradients],
                "state": {name: tensor.clone() for name, tensor in loss.state_dict().items()},
            }
        )
    return steps


def main(rank: int, folder: Path) -> None:
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    torch.save([run(config, rank, everything=False) for config in CONFIGS], folder / f"{rank}.pt")
    distributed.destroy_process_group()
