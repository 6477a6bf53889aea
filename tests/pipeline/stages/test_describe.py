"""What a descriptor stage depends on: the settings as the encoder takes them, and the bytes of its weights."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from imgfp.encoders import EncoderConfig, Network, NetworkConfig, export_network
from imgfp.errors import InputError
from imgfp.images import ImageList
from imgfp.pipeline.preset import Preset
from imgfp.pipeline.presets import PRESETS
from imgfp.pipeline.run_config import RunConfig
from imgfp.pipeline.stages.describe import descriptor_stage
from imgfp.records import read_descriptors

SMALL = "test_byobnet"


@pytest.fixture
def images(tmp_path: Path) -> ImageList:
    folder = tmp_path / "images"
    folder.mkdir()
    for number in range(2):
        pixels = np.random.default_rng(number).integers(0, 256, (40, 40, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return ImageList.open(folder)


def exported(path: Path, seed: int, size: int = 32) -> str:
    torch.manual_seed(seed)
    export_network(Network(NetworkConfig(SMALL, 8)), path, {"size": size})
    return str(path)


def settings_in(folder: Path) -> dict[str, object]:
    return json.loads((folder / "plan.json").read_text())["settings"]["encoder"]


def test_defaults_are_filled_in(tmp_path: Path, images: ImageList) -> None:
    descriptor_stage("d", images, EncoderConfig(), tmp_path / "d", "query")
    wanted = {"name": "efficientnet_lite0_imagenet", "weights": None, "size": 224, "gem_p": 3.0}
    assert settings_in(tmp_path / "d") == wanted
    again = descriptor_stage("d", images, EncoderConfig(size=224, gem_p=3.0), tmp_path / "d", "query")
    assert again.reused == 2


def test_an_export_describes_and_its_bytes_decide(tmp_path: Path, images: ImageList) -> None:
    config = EncoderConfig(weights=exported(tmp_path / "x.safetensors", 0))
    descriptor_stage("d", images, config, tmp_path / "d", "query")
    assert read_descriptors(tmp_path / "d/descriptors.h5", "query").dim == 8
    stored = settings_in(tmp_path / "d")
    assert (stored["name"], stored["size"], stored["gem_p"]) == (SMALL, 32, 3.0)
    assert descriptor_stage("d", images, config, tmp_path / "d", "query").reused == 2
    exported(tmp_path / "x.safetensors", 1)
    with pytest.raises(InputError, match="weights_sha256"):
        descriptor_stage("d", images, config, tmp_path / "d", "query")


def test_the_card_decides_too(tmp_path: Path, images: ImageList) -> None:
    config = EncoderConfig(weights=exported(tmp_path / "x.safetensors", 0))
    descriptor_stage("d", images, config, tmp_path / "d", "query")
    exported(tmp_path / "x.safetensors", 0, size=48)
    with pytest.raises(InputError, match="size"):
        descriptor_stage("d", images, config, tmp_path / "d", "query")


def test_presets_check_what_is_given() -> None:
    for settings, message in (
        ({"size": 0}, "encoder.size=0: must be >= 1"),
        ({"gem_p": 0.0}, "encoder.gem_p=0.0: must be above 0"),
    ):
        with pytest.raises(InputError, match=message):
            Preset(encoder=EncoderConfig(**settings))


def test_no_substitute_where_weights_are_given() -> None:
    preset = Preset(
        encoder=EncoderConfig(weights="x.safetensors"), vote=PRESETS["imgfp"].vote, index=PRESETS["imgfp"].index
    )
    assert RunConfig("imgfp", preset, ("global",)).note is None
