"""One run: which preset, with which settings, over which branches."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from imgfp.encoders import EMBEDDED
from imgfp.errors import InputError
from imgfp.pipeline.preset import BRANCHES, Preset
from imgfp.pipeline.presets import preset_named, with_index_kind
from imgfp.pipeline.stages.features import usable_sift

DEFAULT_BRANCHES = "local,global"


@dataclass(frozen=True)
class RunConfig:
    """Settings of one run. `name`: of the preset that they started from; `branches`: in the order of BRANCHES.

    Raises:
        InputError: a branch that the preset's rule has no use for.
    """

    name: str
    preset: Preset
    branches: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.preset.fusion.rule == "similarity" and "local" in self.indexed:
            raise InputError(
                "fusion.rule='similarity' cannot score local or crop candidates: use branches=[global], or rule 'calibrated'"
            )

    @classmethod
    def named(
        cls, name: str = "default", branches: str | Iterable[str] = DEFAULT_BRANCHES, index: str | None = None
    ) -> "RunConfig":
        """A preset by its name. `index`: the kind of descriptor index; None: the preset's.

        Raises:
            InputError: no such preset, branch or kind.
        """
        return cls(name, with_index_kind(preset_named(name), index), parse_branches(branches))

    @property
    def indexed(self) -> tuple[str, ...]:
        """What an index must hold for these branches."""
        wanted = {BRANCHES[name] for name in self.branches}
        return tuple(name for name in BRANCHES if name in wanted)

    @property
    def needs_features(self) -> bool:
        """Whether local features are extracted: for the local branch, and to rate candidates by their matches."""
        return self.preset.fusion.rule != "similarity"

    @property
    def note(self) -> str | None:
        """What a run with preset imgfp must say as long as imgFp's own descriptor network is not available."""
        embedded = self.preset.encoder.name == EMBEDDED and self.preset.encoder.weights is None
        if self.name != "imgfp" or "global" not in self.branches or not embedded:
            return None
        return (
            "preset imgfp: imgFp's descriptor network (EsViT, fine-tuned) is not publicly available; "
            f"using the embedded encoder {EMBEDDED} in the global branch"
        )

    def check_background(self) -> None:
        """Raises InputError where a background set would change nothing."""
        if "global" not in self.branches or self.preset.fusion.rule == "sum":
            raise InputError(
                "a background set has no effect without the global branch, nor with preset imgfp, "
                "which ranks by matches alone: leave it out, or use preset default"
            )

    def check_indexable(self) -> None:
        """Raises InputError for a branch that no index stores."""
        if self.branches != self.indexed:
            raise InputError(
                "the crop branch applies to queries only, an index stores no crops: give local, global or local,global here, "
                "and local,global,crop to the search"
            )

    def located(self) -> "RunConfig":
        """With absolute paths of weights, since a search may start in another folder, and an extractor that runs here."""
        encoder, crop = (
            part if part.weights is None else replace(part, weights=str(Path(part.weights).resolve()))
            for part in (self.preset.encoder, self.preset.crop)
        )
        sift = usable_sift(self.preset.sift) if self.needs_features else self.preset.sift
        return replace(self, preset=replace(self.preset, sift=sift, encoder=encoder, crop=crop))  # type: ignore[arg-type]


def parse_branches(given: str | Iterable[str]) -> tuple[str, ...]:
    """ "local,global", or a list of names, as a tuple in the order of BRANCHES.

    Raises:
        InputError: an unknown name, or none.
    """
    text = given if isinstance(given, str) else ",".join(map(str, given))
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in BRANCHES:
            raise InputError(f"branches: unknown branch {name!r}: must be one of {', '.join(BRANCHES)}")
    if not names:
        raise InputError(f"branches={text!r}: give one or more of {', '.join(BRANCHES)}")
    return tuple(name for name in BRANCHES if name in names)
