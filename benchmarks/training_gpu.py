"""Swin-B, window 14, 224 px on a GPU: bf16, channels last, fused attention and compiled, against the plain fp32 loop."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # also as `python benchmarks/NAME.py`

from benchmarks._side_by_side import alternate, need, show
from imgfp.encoders import Network, NetworkConfig, create_network
from imgfp.learning.config import AdamWConfig
from imgfp.learning.losses import ContrastiveConfig, create_loss
from imgfp.learning.optimise import create_optimizer

BATCH, STEPS, SIZE = 128, 10, 224


def matrix_peak(dtype: torch.dtype) -> float:
    """Measured operations a second of a large matrix product."""
    a, b = (torch.randn(8192, 8192, device="cuda", dtype=dtype) for _ in range(2))
    for _ in range(3):
        a @ b
    torch.cuda.synchronize()
    started = time.perf_counter()
    for _ in range(20):
        a @ b
    torch.cuda.synchronize()
    return 20 * 2 * 8192**3 / (time.perf_counter() - started)


def training(fast: bool) -> tuple[Network, Callable[[], None]]:
    """The network and a function that makes STEPS steps."""
    torch.manual_seed(0)
    network = create_network(NetworkConfig("esvit_base_w14")).cuda().train()
    loss = create_loss(ContrastiveConfig(), network.dim).cuda()
    optimizer = create_optimizer([network], AdamWConfig())
    pixels = torch.randint(0, 256, (BATCH, 3, SIZE, SIZE), dtype=torch.uint8, device="cuda")
    labels = torch.arange(BATCH, device="cuda") // 2
    if fast:
        pixels = pixels.to(memory_format=torch.channels_last)
        network.compile()

    def steps() -> None:
        for _ in range(STEPS):
            with torch.autocast("cuda", torch.bfloat16, enabled=fast):
                value = loss(network(pixels), labels)
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
        torch.cuda.synchronize()

    return network, steps


def encoding(network: Network, fast: bool) -> Callable[[], None]:
    """A function that encodes STEPS batches."""
    pixels = torch.randint(0, 256, (BATCH, 3, SIZE, SIZE), dtype=torch.uint8, device="cuda")

    def steps() -> None:
        network.eval()
        with torch.inference_mode(), torch.autocast("cuda", torch.bfloat16, enabled=fast):
            for _ in range(STEPS):
                network(pixels)
        torch.cuda.synchronize()

    return steps


def main() -> None:
    """Prints the tables, or says that there is no GPU."""
    if not torch.cuda.is_available():
        print("no GPU here: nothing measured")
        return
    slow, fast = training(fast=False), training(fast=True)
    ways = {"plain fp32": slow[1], "bf16, channels last, compiled": fast[1]}
    flops = {}
    with FlopCounterMode(display=False) as counter:
        slow[1]()
    flops["training"] = counter.get_total_flops()
    fast[1]()  # compiled once
    peak = matrix_peak(torch.bfloat16)
    for what in ("training", "encoding"):
        if what == "encoding":
            ways = {name: encoding(made[0], made is fast) for name, made in zip(ways, (slow, fast), strict=True)}
            with FlopCounterMode(display=False) as counter:
                ways["plain fp32"]()
            flops[what] = counter.get_total_flops()
            ways["bf16, channels last, compiled"]()
        seconds = alternate(ways, rounds=3)
        show(
            f"{what}: Swin-B W14, {SIZE} px, batch {BATCH}, {torch.cuda.get_device_name()}",
            seconds,
            "plain fp32",
            BATCH * STEPS,
            "images",
        )
        quick = seconds["bf16, channels last, compiled"]
        print(f"share of the measured bf16 matrix peak ({peak / 1e12:.0f} TFLOP/s): {flops[what] / quick / peak:.0%}")
        need(f"{what} at least 4x the plain loop", seconds["plain fp32"] >= 4 * quick)


if __name__ == "__main__":
    main()
