"""A package outside imgfp with a network and a loss, written by a test."""

import sys
from pathlib import Path

import pytest

NETS = """
import torch
from torch import nn

class Small(nn.Module):
    def __init__(self, width: int, dim: int = 8) -> None:
        super().__init__()
        self.dim = dim
        self.layers = nn.Sequential(
            nn.Conv2d(3, width, 5, stride=4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, dim)
        )

    def forward(self, images):
        return self.layers(images)

class Plain(Small):
    mean, std = (0, 0, 0), (1, 1, 1)

class NoDim(nn.Module):
    pass

class Map(Small):
    def forward(self, images):
        return self.layers[:2](images)

class Nothing(Small):
    def forward(self, images):
        return self.layers(images) * 0

class Infinite(Small):
    def forward(self, images):
        return self.layers(images) / 0

class Frozen(Small):
    def __init__(self) -> None:
        super().__init__(4)
        self.requires_grad_(False)

class Fails(Small):
    def forward(self, images):
        raise RuntimeError("of its own")

class Refuses(nn.Module):
    def __init__(self, width: int = 3) -> None:
        raise ValueError("width must be even")

def function():
    raise AssertionError("never called")
"""
LOSSES = """
import torch
from torch import nn

class Spread(nn.Module):
    def __init__(self, dim: int, margin: float = 0.5) -> None:
        super().__init__()
        self.margin, self.dim = margin, dim
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, descriptors, labels):
        cosine, same = descriptors @ descriptors.T, labels[:, None] == labels
        return self.scale * (1 - cosine)[same].mean() + (cosine - self.margin)[~same].clamp(min=0).sum()

class Rows(Spread):
    def forward(self, descriptors, labels):
        return descriptors.sum(dim=1)

class NotANumber(Spread):
    def forward(self, descriptors, labels):
        return descriptors.sum() / 0 * 0

class Constant(Spread):
    def forward(self, descriptors, labels):
        return torch.ones(())

class Float(Spread):
    def forward(self, descriptors, labels):
        return 1.0
"""
CHOICES = """
from imgfp.learning.config import AdamWConfig

CHOICES = {
    "network": {"small": {"_target_": "outside.nets.Small", "width": 4}},
    "loss": {"spread": {"_target_": "outside.losses.Spread", "margin": 0.3}},
    "optimizer": {"slow": AdamWConfig(lr=1e-6)},
}
"""


def write_package(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Package `outside` in `folder`, which is importable until the test ends; no package is allowed."""
    package = folder / "outside"
    package.mkdir()
    for name, text in {"__init__": "", "nets": NETS, "losses": LOSSES, "choices": CHOICES, "broken": "1 / 0"}.items():
        (package / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("IMGFP_PLUGINS", "")  # restored afterwards, whatever a command line adds to it
    for name in [name for name in sys.modules if name.split(".")[0] == "outside"]:
        monkeypatch.delitem(sys.modules, name)
    return folder


def announce_package(folder: Path, value: str) -> None:
    """As an installed distribution with an entry point would be."""
    metadata = folder / "outside-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: outside\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[imgfp.plugins]\noutside = {value}\n")
