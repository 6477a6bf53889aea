"""imgfp crop: images pasted into other images, cut out (imgFp's step 1)."""

import argparse
from pathlib import Path

from imgfp.cli.renamed_option import add_renamed_option
from imgfp.plural import counted


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "crop",
        help="step 1: cut out images pasted into other images",
        description="Finds images that were pasted into those of IN, a folder or a text list, and cuts them out.",
        epilog="example: imgfp crop queries/ crops --rules local",
    )
    parser.add_argument("images", type=Path, metavar="IN")
    parser.add_argument("out", type=Path, metavar="OUT", help="output folder; rerun with the same folder to resume")
    parser.add_argument(
        "--rules",
        default="default",
        help="global, local: imgFp's rules, one crop replaces the image; default: up to three besides the image (default: %(default)s)",
    )
    parser.add_argument(
        "--finder",
        default="auto",
        help="learned: a network (needs the extra 'detector'); classical: straight edges; auto: learned if installed (default: %(default)s)",
    )
    parser.add_argument("--weights", metavar="FILE", help="weights from train/detector.py instead of the shipped ones")
    add_renamed_option(parser, "--preset", "--rules")
    parser.set_defaults(run=run_crop)


def run_crop(options: argparse.Namespace) -> int:
    """imgfp crop."""
    from imgfp.detection import crop_rules, open_finder
    from imgfp.files import write_bytes
    from imgfp.images import ImageList
    from imgfp.pipeline.crop_images import crop_file, crop_images
    from imgfp.reports.console import print_stages, report_failures

    finder = open_finder(options.finder, options.weights)
    rules = crop_rules(options.rules, finder)
    images = ImageList.open(options.images)
    result, crops = crop_images(images, finder, rules, options.out)
    if not rules.added:  # imgFp's list
        lines = "".join(f"{crop_file(crop, rules)} {crop.confidence:f}\n" for crop in crops)
        write_bytes(options.out / f"{options.rules}_crop_list.txt", lines.encode("utf-8", "surrogateescape"))
    cropped = len({crop.image_id for crop in crops})
    print(f"detector: {finder.fingerprint}")
    print(f"{counted(len(crops), 'crop')} from {cropped} of {len(images)} images, in {options.out / 'images'}; stages:")
    print_stages((result,))
    return report_failures(result.failures, options.out / "failures.csv")
