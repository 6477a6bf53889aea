"""A recipe says in one line what it cannot have, and which side an epoch has."""

import pytest

from imgfp.errors import InputError
from imgfp_detector import DetectorRecipe


def test_sides_go_from_small_to_large() -> None:
    recipe = DetectorRecipe(epochs=(2, 1), size=(64, 96))
    assert [recipe.side_at(epoch) for epoch in range(3)] == [64, 64, 96]
    assert recipe.as_plain()["size"] == [64, 96]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"network": "yolov5q"}, "network='yolov5q': must be one of yolov5n, yolov5s"),
        ({"optimizer": "adam"}, "optimizer='adam': must be one of AdamW, SGD"),
        ({"device": "tpu"}, "device='tpu': must be one of auto, cpu, cuda"),
        ({"epochs": (1, 2)}, r"epochs=\[1, 2\], size=\[320\]: give one number each, or lists of equal length"),
        ({"epochs": (0,)}, r"epochs=\[0\]"),
        ({"size": (100,)}, r"size=\[100\]: must be multiples of 32, >= 64, in ascending order"),
        ({"epochs": (1, 1), "size": (128, 96)}, "in ascending order"),
        ({"batch": 0}, "batch=0, lr=0.002"),
        ({"weights": "old.pt"}, "weights=old.pt: loading a .pt file can run arbitrary code: set trust_weights=true"),
        ({"weights": "old.bin"}, "weights=old.bin: give a .safetensors export, or a .pt file with trust_weights=true"),
    ],
)
def test_impossible_recipes(change: dict[str, object], told: str) -> None:
    with pytest.raises(InputError, match=f"^{told}" if told[0] in "wnoed" else told):
        DetectorRecipe(**change)  # type: ignore[arg-type]
