"""The sizes that EsViT comes in."""

from dataclasses import dataclass

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, as EsViT and imgFp feed it


@dataclass(frozen=True)
class EsViTSpec:
    """Structure of an EsViT. `size`: the picture side whose grids decide windows and shifts; any size may be fed."""

    embed_dim: int
    depths: tuple[int, ...]
    heads: tuple[int, ...]
    window: int
    size: int = 224

    @property
    def structure(self) -> tuple[int, tuple[int, ...], tuple[int, ...]]:
        """What weights must fit; tables of another window can be interpolated."""
        return self.embed_dim, self.depths, self.heads


def _official(size: str, embed_dim: int, third: int, heads: tuple[int, ...]) -> dict[str, EsViTSpec]:
    return {f"esvit_{size}_w{window}": EsViTSpec(embed_dim, (2, 2, third, 2), heads, window) for window in (7, 14)}


ESVIT: dict[str, EsViTSpec] = {
    **_official("tiny", 96, 6, (3, 6, 12, 24)),
    **_official("small", 96, 18, (3, 6, 12, 24)),
    **_official("base", 128, 18, (4, 8, 16, 32)),
    # 7 million parameters for two CPU cores; built for 112 px, where the grids 28, 14, 7, 4 need no padding
    "esvit_nano": EsViTSpec(48, (2, 2, 6, 2), (2, 4, 8, 16), 7, size=112),
}
