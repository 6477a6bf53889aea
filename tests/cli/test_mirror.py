"""imgfp mirror: presets, and describe from images to the original's files, resumed, with failures by name."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgfp.pipeline.stages import regions
from imgfp.pipeline.stages.regions import read_regions
from imgfp.pipeline.stages.stored_regions import StoredRegions

SMALL = ("--img-size", 64, "--rmac-step", "1,2")


@pytest.fixture
def images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A list of five images in shards of two; the third cannot be read."""
    monkeypatch.setattr(regions, "SHARD_IMAGES", 2)
    folder = tmp_path / "images"
    folder.mkdir()
    for number in range(5):
        pixels = np.random.default_rng(number).integers(0, 256, (40 + 9 * number, 60, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    (folder / "2.png").write_bytes(b"none")
    listed = tmp_path / "list.txt"
    listed.write_text("".join(f"{number}.png\n" for number in range(5)))
    return listed


def test_files_failures_and_a_killed_run(imgfp, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def describe(out: str, *more: object):
        return imgfp("mirror", "describe", "--img-list", images, "--root", tmp_path / "images", "--out", out, *more)

    whole, killed = tmp_path / "whole", tmp_path / "killed"
    said = describe(whole, *SMALL)
    assert said.code == 3
    assert "4 images, 5 regions each" in said.out
    assert (whole / "feature_list.txt").read_text().split() == [f"features/{n}.npy" for n in (0, 1, 3, 4)]
    assert [Path(line).name for line in (whole / "image_list.txt").read_text().split()] == [
        f"{number}.png" for number in (0, 1, 3, 4)
    ]
    assert "2.png" in (whole / "failures.csv").read_text()
    stored = read_regions(whole / "store")
    assert stored.ids == ("0", "1", "3", "4")
    assert stored.values.shape == (4, 5, 1280)
    chosen = StoredRegions.open(whole / "store").select([3, 0, 2])
    assert (len(chosen), chosen.shape, chosen.ids) == (3, (3, 5, 1280), ("4", "0", "3"))
    assert np.array_equal(chosen[:2], stored.values[[3, 0]])
    assert np.array_equal(chosen[1:9], stored.values[[0, 2]])
    assert np.array_equal(np.load(whole / "features/3.npy"), stored.values[2].T)
    assert stored.made_with["fingerprint"] == "efficientnet_lite0_imagenet, built-in weights"

    made = regions.describe_images
    calls = []

    def stop(*arguments):
        calls.append(0)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return made(*arguments)

    monkeypatch.setattr(regions, "describe_images", stop)
    assert describe(killed, *SMALL).code == 130
    said = describe(killed, *SMALL)
    assert "reused 2 of 5 images" in said.out
    for path in (whole / "features").iterdir():
        assert (killed / "features" / path.name).read_bytes() == path.read_bytes()
    assert (killed / "store/manifest.json").read_bytes() == (whole / "store/manifest.json").read_bytes()
    said = describe(whole, "--preset", "gl3d", "--img-size", 96).errors
    assert said[0].endswith(
        "preset gl3d without --net uses the embedded network efficientnet_lite0_imagenet: the original describes with "
        "--net googlenet or --net resnet-50, and --weights FILE"
    )
    assert said[1:] == [
        f"imgfp mirror: {whole / 'store'} was made with settings.img_size = 64, now it is 96: "
        "give another output folder, or delete this one"
    ]


def test_presets(imgfp) -> None:
    wanted = [
        "imgfp mirror describe --img-size 896 --pool MAX --rmac-step 1,3,5",
        "imgfp mirror query --out-dim 256 --top 200",
        "the original describes with --net googlenet or --net resnet-50, and --weights FILE",
    ]
    for arguments in (("--preset", "gl3d", "--show"), ("describe", "--preset", "gl3d", "--show")):
        assert imgfp("mirror", *arguments).out.splitlines() == wanted
    assert "--rmac-step 1,2 --multi-scale" in imgfp("mirror", "--preset", "oxford", "--show").out
    assert "--top 6500 --qe 10 --et 2" in imgfp("mirror", "--preset", "paris", "--show").out
    assert "--out-dim 512 --top 10" in imgfp("mirror", "--preset", "holidays", "--show").out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "give a step"),
        (("--preset", "sfm", "--show"), "preset 'sfm': use one of gl3d, oxford, paris, holidays"),
        (("describe", "--show"), "--show prints a preset: give --preset NAME too"),
        (("describe", "--out", "x"), "--img-list is missing"),
        (("describe", "--img-list", "x", "--out", "x", "--rmac-step", "1;2"), "--rmac-step '1;2': give integers"),
    ],
)
def test_bad_input(imgfp, arguments: tuple[str, ...], message: str) -> None:
    said = imgfp("mirror", *arguments)
    assert said.code == 2
    assert len(said.errors) == 1
    assert message in said.errors[0]
