"""imgfp mirror: matchable image retrieval in MIRorR's steps and with its files."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from imgfp.cli.mirror_preset import add_preset_options, require_options, show_preset
from imgfp.cli.mirror_query import add_query_parser
from imgfp.errors import InputError
from imgfp.progress import announce

if TYPE_CHECKING:
    from imgfp.mirror.describe import RegionsConfig


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command and its steps."""
    mirror = commands.add_parser(
        "mirror",
        help="find images that overlap enough to be matched, in MIRorR's steps",
        description="Matchable image retrieval in MIRorR's steps, with its files.",
        epilog="example: imgfp mirror --preset gl3d --show",
    )
    add_preset_options(mirror, default=None)
    mirror.set_defaults(run=run_mirror)
    steps = mirror.add_subparsers(dest="step", metavar="STEP")
    describe = steps.add_parser(
        "describe",
        help="regional features of images, one .npy [dim, regions] each",
        description="Computes the regional features of images: OUT/features/NAME.npy, listed in OUT/feature_list.txt.",
        epilog="example: imgfp mirror describe --img-list images.txt --net resnet-50 --weights resnet-50.safetensors --out db",
    )
    _add_describe(describe)
    describe.set_defaults(run=run_describe)
    add_query_parser(steps)


def _add_describe(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--img-list", type=Path, metavar="LIST", help="a text list of image files, or a folder")
    parser.add_argument("--root", type=Path, metavar="DIR", help="folder of the list's paths (default: the list's own)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="output folder; rerun with the same folder to resume")
    parser.add_argument(
        "--net",
        help="googlenet, resnet-50: MIRorR's, on a square crop; resnet50, resnet101 or another timm model: on the whole "
        "image (default: the embedded network, on the whole image)",
    )
    parser.add_argument("--weights", metavar="FILE", help="weights of the network, .safetensors")
    parser.add_argument(
        "--img-size",
        type=int,
        metavar="N",
        help="pixels: side of the crop (default: 896), or longer side of the whole image (default: 640)",
    )
    parser.add_argument("--pool", help="MAX, AVG (mean) or L2 (root of the mean square) of a region (default: MAX)")
    parser.add_argument("--rmac-step", metavar="S,S,...", help="levels of the grid of regions (default: 1,3,5)")
    parser.add_argument("--multi-scale", action="store_true", default=None, help="add the image at 1/2 and 1/4")
    parser.add_argument(
        "--oxford-gt", type=Path, metavar="DIR", help="describe the queries that its *_query.txt name, whole images"
    )
    add_preset_options(parser)


def run_mirror(options: argparse.Namespace) -> int:
    """imgfp mirror without a step."""
    if not options.show:
        raise InputError("give a step, such as 'imgfp mirror describe', or --preset NAME --show")
    return show_preset(options)


def run_describe(options: argparse.Namespace) -> int:
    """imgfp mirror describe."""
    if options.show:
        return show_preset(options)
    require_options(options, "img_list", "out")

    from imgfp.mirror.image_lists import oxford_queries, read_image_list
    from imgfp.mirror.presets import NETWORKS_NOTE
    from imgfp.pipeline.stages.regions import region_stage, write_feature_files
    from imgfp.reports.console import print_stages, report_failures

    config = describe_config(options)
    if options.preset is not None and options.net is None:
        announce(f"preset {options.preset} without --net uses the embedded network {config.net}: {NETWORKS_NOTE}")
    images = read_image_list(options.img_list, options.root)
    if options.oxford_gt is not None:
        images = oxford_queries(options.oxford_gt, images)
    result = region_stage("regional features", images, config, options.out / "store")
    count = write_feature_files(options.out / "store", images, options.out)
    code = report_failures(result.failures, options.out / "failures.csv")
    if not count:
        raise InputError(f"none of the {len(images)} images can be read, see {options.out / 'failures.csv'}")
    print(f"{count} images, {config.region_count} regions each: {options.out / 'feature_list.txt'}; stages:")
    print_stages((result,))
    return code


def describe_config(options: argparse.Namespace) -> "RegionsConfig":
    """The settings: the options, then the preset, then the defaults.

    Raises:
        InputError: bad values, or an unknown preset.
    """
    from imgfp.mirror.describe import RegionsConfig
    from imgfp.mirror.presets import mirror_preset

    given = {key: getattr(options, key) for key in ("net", "weights", "img_size", "pool", "multi_scale")}
    if options.rmac_step is not None:
        given["rmac_step"] = _steps(options.rmac_step)
    preset = {} if options.preset is None else mirror_preset(options.preset).describe
    return RegionsConfig(**{**preset, **{key: value for key, value in given.items() if value is not None}})


def _steps(text: str) -> tuple[int, ...]:
    try:
        return tuple(map(int, text.split(",")))
    except ValueError:
        raise InputError(f"--rmac-step {text!r}: give integers with commas between, such as 1,3,5") from None
