"""Report on loading a checkpoint: which tensors were used, dropped, missing or interpolated."""

from collections import Counter
from dataclasses import dataclass


@dataclass(frozen=True)
class LoadReport:
    """Outcome for every tensor. `used`, `dropped`, `interpolated`: names in the file; `missing`: names in the network."""

    source: str
    used: tuple[str, ...]
    dropped: tuple[str, ...]
    missing: tuple[str, ...]
    interpolated: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join(
            [
                f"{self.source}: {len(self.used)} tensors used, {len(self.interpolated)} of them interpolated",
                f"  dropped {len(self.dropped)}{_grouped(self.dropped)}",
                f"  missing {len(self.missing)}{_grouped(self.missing)}{' (random)' if self.missing else ''}",
            ]
        )

    def listing(self) -> str:
        """Every tensor, one per line."""
        kinds = {"used": self.used, "interpolated": self.interpolated, "dropped": self.dropped, "missing": self.missing}
        return "".join(f"{kind} {name}\n" for kind, names in kinds.items() for name in names)


def _grouped(names: tuple[str, ...]) -> str:
    """Counts of tensors by module, as ": head.mlp 6, relative_position_index 10"."""
    kinds = Counter(
        name.rsplit(".", 1)[1] if name.startswith("layers.") else ".".join(name.split(".")[:2]) for name in names
    )
    return ": " + ", ".join(f"{kind} {count}" for kind, count in kinds.items()) if kinds else ""
