"""Descriptions of a list of images: each depends on its image alone; settings and weights that do not fit are refused."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from imgfp.encoders import NetworkConfig, create_network
from imgfp.errors import InputError
from imgfp.images import Failure, Source
from imgfp.mirror.describe import RegionsConfig, describe_image, describe_images
from imgfp.mirror.networks import MirrorNetwork, open_network
from imgfp.mirror.networks.googlenet import GoogLeNet

CONFIG = RegionsConfig(img_size=64, rmac_step=(1, 2), multi_scale=True)


@pytest.fixture(scope="module")
def network() -> MirrorNetwork:
    return open_network()


def image(seed: int, height: int = 50, width: int = 90) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_an_image_alone_or_among_others(network: MirrorNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    sources: list[Source] = [image(0), image(1, 90, 50), Path("nothing.jpg"), image(2), image(3), image(4), image(5)]
    described = {}
    for threads in ("1", "3"):
        monkeypatch.setenv("IMGFP_THREADS", threads)
        described[threads] = list(describe_images(sources, network, CONFIG))
    alone = describe_image(sources[3], network, CONFIG)
    assert isinstance(alone, np.ndarray)
    assert alone.shape == (CONFIG.region_count, network.dim) == (15, 1280)
    for first, second in zip(described["1"], described["3"], strict=True):
        if isinstance(first, Failure):
            assert first == second == Failure(Path("nothing.jpg"), "no such file")
        else:
            assert np.array_equal(first, second)
    assert np.array_equal(described["3"][3], alone)


def test_faster_forms_of_layers_change_nothing(network: MirrorNetwork) -> None:
    pixels = torch.from_numpy(image(0, 96, 128)[None])
    with torch.inference_mode():
        plain = create_network(NetworkConfig("efficientnet_lite0_imagenet", 0)).eval()
        wanted = plain.feature_map(pixels.permute(0, 3, 1, 2)).numpy()
    got = network.maps(pixels.numpy())
    assert np.abs(got - wanted).max() <= 2e-5 * np.abs(wanted).max()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"pool": "MEAN"}, "pool 'MEAN': use one of MAX, AVG, L2"),
        ({"img_size": 8}, "img-size 8: must be at least 32"),
        ({"img_size": 0}, "img-size 0: must be at least 32"),
        ({"net": "googlenet", "img_size": 100}, "img-size 100: too small"),
        ({"rmac_step": (0,)}, "rmac-step '0': give integers >= 1"),
    ],
)
def test_bad_settings(settings: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        RegionsConfig(**settings)


def test_steps_that_make_no_region() -> None:
    with pytest.raises(InputError, match="rmac-step 12 makes no region on the maps of resnet-50 at img-size 448"):
        RegionsConfig("resnet-50", "any", 448, rmac_step=(12,)).made_with()


def test_weights_that_do_not_fit(tmp_path: Path) -> None:
    file = tmp_path / "weights.safetensors"
    with pytest.raises(InputError, match="no weights are bundled: give --weights"):
        open_network("googlenet")
    with pytest.raises(InputError, match="no such file"):
        open_network("googlenet", str(file))
    file.write_bytes(b"not this")
    with pytest.raises(InputError, match="not a safetensors file"):
        open_network("resnet-50", str(file))
    save_file({"conv1/bias": np.zeros(64, np.float32)}, file)
    with pytest.raises(InputError, match="265 of the 266 variables of resnet-50 missing, first 'bn2a_branch1/beta'"):
        open_network("resnet-50", str(file))
    with torch.device("meta"):
        variables = {name: np.zeros(shape, np.float32) for name, shape in GoogLeNet().variables.items()}
    save_file(variables | {"conv1_7x7_s2/bias": np.zeros(3, np.float32)}, file)
    with pytest.raises(InputError, match=r"'conv1_7x7_s2/bias' is F32 of shape \[3\], in googlenet .* \[64\]"):
        open_network("googlenet", str(file))
    with pytest.raises(InputError, match=r"^--net 'resnet500': unknown timm model"):
        open_network("resnet500")
    with pytest.raises(InputError, match=r"^--net 'resnet50': pretrained weights unavailable .* give --weights FILE"):
        open_network("resnet50")


def test_timm_networks_take_torchvisions_weights(tmp_path: Path) -> None:
    from torchvision.models import resnet50

    torch.manual_seed(0)
    original = resnet50().eval()
    file = tmp_path / "resnet50.safetensors"
    save_file({name: tensor.numpy() for name, tensor in original.state_dict().items()}, file)
    network = open_network("resnet50", str(file))
    assert (network.dim, network.crops) == (2048, False)
    pixels = image(0, 64, 96)
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    normalised = torch.from_numpy(((pixels / 255 - mean) / std).astype(np.float32)).permute(2, 0, 1)[None]
    with torch.inference_mode():
        wanted = torch.nn.Sequential(*list(original.children())[:-2])(normalised).numpy()
    np.testing.assert_allclose(network.maps(pixels[None]), wanted, rtol=0, atol=1e-4 * np.abs(wanted).max())


def test_networks_without_a_feature_map(tmp_path: Path) -> None:
    import timm

    file = tmp_path / "vit.safetensors"
    model = timm.create_model("test_vit", num_classes=0)
    save_file({name: tensor.numpy() for name, tensor in model.state_dict().items()}, file)
    with pytest.raises(InputError, match=r"test_vit: has no feature map .*: choose a convolutional network"):
        open_network("test_vit", str(file))
