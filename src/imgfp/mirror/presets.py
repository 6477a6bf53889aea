"""The original's settings for each benchmark, as its test script has them."""

from dataclasses import dataclass
from typing import Any

from imgfp.errors import InputError

NETWORKS_NOTE = "the original describes with --net googlenet or --net resnet-50, and --weights FILE"


@dataclass(frozen=True)
class MirrorPreset:
    """Settings of both steps. Every preset pools with MAX, fits the whitening on the database and ranks by PR-MAC.

    Attributes:
        img_size: Side of the crop in pixels.
        pool: How a region becomes a vector.
        rmac_step: Levels of the grid of regions.
        multi_scale: Adds the regions of the image at 1/2 and 1/4.
        out_dim: Numbers per region after whitening.
        top: Answers per query, itself included.
        qe: Answers that a query is expanded with; 0: none.
        et: Rounds of expansion.
    """

    img_size: int = 896
    pool: str = "MAX"
    rmac_step: tuple[int, ...] = (1, 3, 5)
    multi_scale: bool = False
    out_dim: int = 256
    top: int = 200
    qe: int = 0
    et: int = 0

    @property
    def describe(self) -> dict[str, Any]:
        """The settings of `imgfp.mirror.describe.RegionsConfig` among them."""
        return {key: getattr(self, key) for key in ("img_size", "pool", "rmac_step", "multi_scale")}


_OBJECTS = MirrorPreset(rmac_step=(1, 2), multi_scale=True, top=6500, qe=10, et=2)
MIRROR_PRESETS = {
    "gl3d": MirrorPreset(),
    "oxford": _OBJECTS,
    "paris": _OBJECTS,
    "holidays": MirrorPreset(rmac_step=(1, 2), multi_scale=True, out_dim=512, top=10),
}


def mirror_preset(name: str) -> MirrorPreset:
    """A preset by name.

    Raises:
        InputError: no such preset.
    """
    if name not in MIRROR_PRESETS:
        raise InputError(f"preset {name!r}: use one of {', '.join(MIRROR_PRESETS)}")
    return MIRROR_PRESETS[name]


def preset_lines(name: str) -> list[str]:
    """The options that a preset stands for, one line for each command, and the networks that it was made for."""
    preset = mirror_preset(name)
    steps = ",".join(map(str, preset.rmac_step))
    scales = " --multi-scale" if preset.multi_scale else ""
    expansion = f" --qe {preset.qe} --et {preset.et}" if preset.qe else ""
    return [
        f"imgfp mirror describe --img-size {preset.img_size} --pool {preset.pool} --rmac-step {steps}{scales}",
        f"imgfp mirror query --out-dim {preset.out_dim} --top {preset.top}{expansion}",
        NETWORKS_NOTE,
    ]
