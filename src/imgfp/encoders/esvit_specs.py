"""The EsViT model sizes."""

from dataclasses import dataclass

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet statistics, as used by EsViT and imgFp


@dataclass(frozen=True)
class EsViTSpec:
    """Structure of an EsViT. `size`: the nominal input size, which fixes windows and shifts; inputs may have any size."""

    embed_dim: int
    depths: tuple[int, ...]
    heads: tuple[int, ...]
    window: int
    size: int = 224

    @property
    def structure(self) -> tuple[int, tuple[int, ...], tuple[int, ...]]:
        """What weights must match; position tables of another window size can be interpolated."""
        return self.embed_dim, self.depths, self.heads


def _official(size: str, embed_dim: int, third: int, heads: tuple[int, ...]) -> dict[str, EsViTSpec]:
    return {f"esvit_{size}_w{window}": EsViTSpec(embed_dim, (2, 2, third, 2), heads, window) for window in (7, 14)}


ESVIT: dict[str, EsViTSpec] = {
    **_official("tiny", 96, 6, (3, 6, 12, 24)),
    **_official("small", 96, 18, (3, 6, 12, 24)),
    **_official("base", 128, 18, (4, 8, 16, 32)),
    # 7 million parameters, trainable on two CPU cores; designed for 112 px, where the grids 28, 14, 7, 4 need no padding
    "esvit_nano": EsViTSpec(48, (2, 2, 6, 2), (2, 4, 8, 16), 7, size=112),
}
