"""imgfp convert-mirror: MIRorR's published checkpoints as safetensors."""

import argparse
from pathlib import Path

NETWORKS = ("googlenet", "resnet-50")  # keys of imgfp.mirror.networks.MIRROR_NETWORKS, which loads torch


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "convert-mirror",
        help="convert a MIRorR checkpoint to safetensors",
        description="Reads a TensorFlow V2 checkpoint (.index and .data-* files) without TensorFlow, verifies its "
        "checksums, and writes the network's variables to a safetensors file.",
        epilog="example: imgfp convert-mirror models/model.ckpt-720000 --net googlenet",
    )
    parser.add_argument("checkpoint", type=Path, metavar="CHECKPOINT", help="such as DIR/model.ckpt-STEP")
    parser.add_argument("--net", required=True, choices=NETWORKS, help="network that the checkpoint belongs to")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="file to write (default: CHECKPOINT.safetensors, beside the checkpoint)",
    )
    parser.set_defaults(run=run_convert)


def run_convert(options: argparse.Namespace) -> int:
    """imgfp convert-mirror."""
    from imgfp.errors import OK
    from imgfp.mirror.convert import convert_checkpoint

    out, count = convert_checkpoint(options.checkpoint, options.net, options.out)
    print(f"{count} variables of {options.net} in {out}")
    return OK
