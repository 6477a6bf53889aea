"""Losses, gradients and memories as in golden/losses: computed by the original libraries.

Every case runs through the code that training runs. What no config takes (a beta for every class, other distances and
reducers, mixed images) is checked through the same frame, or the same terms, around it.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pytorch_metric_learning import distances, losses, reducers
from torch import nn

from imgfp.learning.losses import (
    ContrastiveConfig,
    InfoNceKoleoConfig,
    LossConfig,
    MarginConfig,
    TripletConfig,
    create_loss,
)
from imgfp.learning.losses.infonce_koleo import koleo, surprises
from imgfp.learning.losses.pairwise import PairwiseLoss, all_pairs, all_triplets

DIM = 16
TOLERANCE = 2e-6  # the originals lie within 1.3e-6 of double precision
OTHER = {
    "margin_learn_beta_classes_groups": PairwiseLoss(
        losses.MarginLoss(margin=0.2, nu=0.3, beta=1.1, learn_beta=True, num_classes=6), all_triplets
    ),
    "contrastive_p0_n1_l2_squared_groups": PairwiseLoss(
        losses.ContrastiveLoss(pos_margin=0, neg_margin=1, distance=distances.LpDistance(power=2)), all_pairs
    ),
    "contrastive_cosine_p1_n0.3_groups": PairwiseLoss(
        losses.ContrastiveLoss(pos_margin=1, neg_margin=0.3, distance=distances.CosineSimilarity()), all_pairs
    ),
    "contrastive_mean_reducer_pairs": PairwiseLoss(
        losses.ContrastiveLoss(pos_margin=0, neg_margin=1, reducer=reducers.MeanReducer()), all_pairs
    ),
}
# the defaults of the library, where a case gives no arguments
DEFAULTS: dict[str, LossConfig] = {
    "ContrastiveLoss": ContrastiveConfig(),
    "TripletMarginLoss": TripletConfig(margin=0.05),
    "MarginLoss": MarginConfig(),
}
REMEMBERED: dict[str, LossConfig] = {
    "xbm_contrastive_mem20": ContrastiveConfig(memory=20),
    "xbm_contrastive_mem64": ContrastiveConfig(memory=64),
    "xbm_contrastive_n1.1_mem8_equal_batch": ContrastiveConfig(margin=1.1, memory=8),
    "xbm_triplet_mem20": TripletConfig(margin=0.3, memory=20),
    "xbm_margin_mem20": MarginConfig(memory=20),
    "xbm_contrastive_mem20_5steps": ContrastiveConfig(memory=20),
    "xbm_enqueue_mask_mem20": ContrastiveConfig(memory=20),
}


@dataclass
class Golden:
    """The cases, and their arrays."""

    cases: list[dict[str, Any]]
    arrays: dict[str, np.ndarray]

    def tensor(self, name: str) -> torch.Tensor:
        return torch.from_numpy(self.arrays[name])

    def kind(self, name: str) -> list[dict[str, Any]]:
        key = {"batch": "input", "memory": "steps", "sscd": "components"}[name]
        return [case for case in self.cases if key in case]


@pytest.fixture(scope="module")
def losses_golden(golden: Path) -> Golden:
    folder = golden / "losses"
    if not folder.is_dir():
        pytest.fail(f"{folder} is not there")
    with np.load(folder / "losses.npz") as arrays:
        return Golden(json.loads((folder / "losses.json").read_text())["cases"], dict(arrays))


def batch_loss(case: dict[str, Any]) -> nn.Module:
    if case["name"] in OTHER:
        return OTHER[case["name"]]
    given = case["arguments"]
    if given == "defaults":
        return create_loss(DEFAULTS[case["loss"]], DIM)
    match case["loss"]:
        case "ContrastiveLoss":
            return create_loss(ContrastiveConfig(given["neg_margin"], given["pos_margin"]), DIM)
        case "TripletMarginLoss":
            return create_loss(TripletConfig(given["margin"], given["swap"], given["smooth_loss"]), DIM)
        case "MarginLoss":
            return create_loss(MarginConfig(given["margin"], given["beta"], given["nu"]), DIM)
    raise AssertionError(f"{case['name']}: no such loss")


def unit(raw: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The raw embeddings with a graph, and their L2-normalised rows, which is what losses are given."""
    leaf = raw.clone().requires_grad_()
    return leaf, nn.functional.normalize(leaf)


def assert_close(name: str, found: torch.Tensor, wanted: torch.Tensor | float) -> None:
    torch.testing.assert_close(
        found.detach(), torch.as_tensor(wanted), rtol=TOLERANCE, atol=TOLERANCE, msg=lambda text: f"{name}: {text}"
    )


def test_every_case_is_there(losses_golden: Golden) -> None:
    kinds = [losses_golden.kind(name) for name in ("batch", "memory", "sscd")]
    assert [len(cases) for cases in kinds] == [32, 7, 7]
    assert sum(len(cases) for cases in kinds) == len(losses_golden.cases)


def test_batches(losses_golden: Golden) -> None:
    for case in losses_golden.kind("batch"):
        name, loss = case["name"], batch_loss(case)
        raw, rows = unit(losses_golden.tensor(f"{case['input']}__embeddings"))
        value = loss(rows, losses_golden.tensor(f"{case['input']}__labels"))
        assert_close(name, value, case["value"])
        value.backward()
        assert raw.grad is not None
        assert_close(name, raw.grad, losses_golden.tensor(f"{name}__grad"))
        if "beta" in case:
            (beta,) = loss.parameters()
            assert_close(name, beta, torch.tensor(case["beta"]))
            assert beta.grad is not None
            assert_close(name, beta.grad, losses_golden.tensor(f"{name}__grad_beta"))


def steps(losses_golden: Golden, case: dict[str, Any]) -> Iterator[tuple[int, dict[str, torch.Tensor]]]:
    for step in range(case["steps"]):
        prefix = f"{case['name']}__step{step}_"
        yield (
            step,
            {
                name.removeprefix(prefix): losses_golden.tensor(name)
                for name in losses_golden.arrays
                if name.startswith(prefix)
            },
        )


def test_memories(losses_golden: Golden) -> None:
    assert {case["name"] for case in losses_golden.kind("memory")} == REMEMBERED.keys()
    for case in losses_golden.kind("memory"):
        name, size = case["name"], case["arguments"]["memory_size"]
        loss = create_loss(REMEMBERED[name], DIM)
        for step, arrays in steps(losses_golden, case):
            raw, rows = unit(arrays["embeddings"])
            value = loss(rows, arrays["labels"], arrays.get("enqueue_mask"))
            assert_close(name, value, case["values"][step])
            value.backward()
            assert raw.grad is not None
            assert_close(name, raw.grad, arrays["grad"])
            if "queue_idx_after_each_step" in case:
                assert int(loss.memory.enqueued) % size == case["queue_idx_after_each_step"][step], name
        if "filled" in case:
            stored, labels = loss.memory.contents()
            assert (len(labels) == size) == case["filled"], name
            wanted = nn.functional.normalize(losses_golden.tensor(f"{name}__memory_embeddings_after"))
            assert_close(name, stored, wanted[: len(labels)])
            assert torch.equal(labels, losses_golden.tensor(f"{name}__memory_labels_after")[: len(labels)]), name


def mixed_loss(rows: torch.Tensor, shares: torch.Tensor, temperature: float, entropy_weight: float) -> torch.Tensor:
    """SSCD's form for mixed images, from the terms of ours; `shares` (n, images) says what a row is mixed of."""
    similarity, same = rows @ rows.T, shares @ shares.T > 0
    positive = same & ~torch.eye(len(rows), dtype=torch.bool)
    surprise = (surprises(similarity, same, temperature) * positive).sum(dim=1) / positive.sum(dim=1)
    return surprise.mean() + entropy_weight * koleo(similarity, same)


def test_infonce_koleo(losses_golden: Golden) -> None:
    for case in losses_golden.kind("sscd"):
        name, given = case["name"], case["arguments"]
        settings = (given["temperature"], given["entropy_weight"])
        raw, rows = unit(losses_golden.tensor(f"{name}__embeddings"))
        rows.retain_grad()
        ids = losses_golden.tensor(f"{name}__instance_ids")
        if given["mixup"]:
            value = mixed_loss(rows, ids, *settings)
        else:
            value = create_loss(InfoNceKoleoConfig(*settings), DIM)(rows, ids)
        assert_close(name, value, case["value"])
        value.backward()
        assert raw.grad is not None
        assert rows.grad is not None
        assert_close(name, raw.grad, losses_golden.tensor(f"{name}__grad_raw"))
        assert_close(name, rows.grad, losses_golden.tensor(f"{name}__grad_normalised"))
