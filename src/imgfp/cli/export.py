"""imgfp export: a descriptor network as an ONNX file."""

import argparse
from pathlib import Path


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "export",
        help="write a descriptor network as ONNX",
        description="Writes a network with its weights to an ONNX file, for any number of images of one size, and compares "
        "its descriptors with torch's before the file is there. Input: RGB, 0..255, float32, (n, 3, size, size); the "
        "normalisation is part of the network. The file's metadata hold mean, std, size and the sha256 of the weights.",
        epilog="example: imgfp export outputs/esvit/NAME/best.safetensors --out network.onnx",
    )
    parser.add_argument(
        "network",
        metavar="NETWORK",
        help="FILE.safetensors with its model card, or the name of a network: efficientnet_lite0_imagenet, an EsViT, any "
        "timm model",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.onnx", help="file to write")
    parser.add_argument("--weights", metavar="FILE", help="weights of a network given by name")
    parser.add_argument("--size", type=int, metavar="PIXELS", help="side of its images (default: the card's, else 224)")
    parser.set_defaults(run=run_export)


def run_export(options: argparse.Namespace) -> int:
    """imgfp export."""
    from imgfp.encoders import EncoderConfig
    from imgfp.encoders.onnx_export import INPUT, OUTPUT, export_onnx
    from imgfp.errors import OK, InputError

    if options.out.suffix != ".onnx":
        raise InputError(f"--out {options.out}: give a file .onnx")
    file = options.network.endswith(".safetensors")
    if file and options.weights:
        raise InputError(f"--weights {options.weights}: {options.network} has its own: leave --weights out")
    if file and not Path(options.network).is_file():
        raise InputError(f"{options.network}: no such file: give an export of a training, or the name of a network")
    config = (
        EncoderConfig(weights=options.network, size=options.size)
        if file
        else EncoderConfig(options.network, options.weights, options.size)
    )
    done = export_onnx(config, options.out)
    about = done.metadata
    print(f"written: {done.path}: {about['architecture']}, {about['dim']} dimensions, any number of images")
    print(f"input {INPUT}: {about['input']}")
    print(f"output {OUTPUT}: {about['output']}; differs from torch by {done.difference:.1e} at most")
    return OK
