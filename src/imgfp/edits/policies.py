"""Which edits a training view is made with, and how many."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from imgfp.edits.catalogue import augly_catalogue, catalogue
from imgfp.edits.edit import Edit, plain_name, random_edits
from imgfp.errors import InputError


@dataclass(frozen=True)
class Policy:
    """How the edits of a view are drawn: `least` to `most` of them, all equally likely, no two of one kind.

    Attributes:
        names: The edits among which to draw, each with its like from AugLy where the catalogue has it; None: all.
    """

    name: str
    least: int
    most: int
    names: tuple[str, ...] | None = None

    def among(self, catalogue: Mapping[str, Edit]) -> dict[str, Edit]:
        """The edits of `catalogue` that this policy draws."""
        return {name: edit for name, edit in catalogue.items() if self.names is None or plain_name(name) in self.names}


# What a picture goes through by being saved, sent and shown: nothing is laid over it, nothing turned by much.
_WEAK = (
    *("blur", "brightness", "colour_jitter", "contrast", "grayscale", "jpeg", "noise", "saturation", "sharpen"),
    *("aspect", "crop", "hflip", "pad", "pad_square", "pixelize", "scale"),
)
# Strong is as imgFp (third of the challenge's matching track) trained: 1 to 3 of about 30 edits, all equally likely.
POLICIES = {policy.name: policy for policy in (Policy("weak", 1, 2, _WEAK), Policy("strong", 1, 3))}


@dataclass(frozen=True)
class EditsConfig:
    """Which edits to train with.

    Attributes:
        policy: A name of POLICIES.
        least: Fewest edits a view; None: the policy's.
        most: Most edits a view; None: the policy's.
        augly: Draw among AugLy's own edits too (slower: see benchmarks/edits.py).

    Raises:
        InputError: no such policy, or `least` and `most` are no range.
    """

    policy: str = "strong"
    least: int | None = None
    most: int | None = None
    augly: bool = False

    def __post_init__(self) -> None:
        if self.policy not in POLICIES:
            near = difflib.get_close_matches(self.policy, POLICIES, n=1, cutoff=0.0)
            raise InputError(f"no policy of edits is called '{self.policy}': did you mean '{near[0]}'?")
        drawn = self.drawn
        if not 0 <= drawn.least <= drawn.most:
            raise InputError(f"{drawn.least} to {drawn.most} edits a view are no range: give 0 <= least <= most")

    @property
    def drawn(self) -> Policy:
        """The policy, with this configuration's own counts."""
        policy = POLICIES[self.policy]
        least = policy.least if self.least is None else self.least
        return replace(policy, least=least, most=policy.most if self.most is None else self.most)


def create_edits(config: EditsConfig, pool: Sequence[np.ndarray]) -> dict[str, Edit]:
    """The edits that `config` draws among, sorted by name.

    Args:
        pool: Other photographs, as `catalogue` takes them.

    Raises:
        InputError: the pool is empty, AugLy is wanted and missing, or there are fewer kinds of edits than `config`
            draws for a view.
    """
    edits = catalogue(pool)
    if config.augly:
        others = augly_catalogue(pool)
        if not others:
            raise InputError(
                'AugLy\'s edits are wanted, and it is not installed: pip install "imgfp[demo]", or augly=false'
            )
        edits |= others
    policy = config.drawn
    edits = dict(sorted(policy.among(edits).items()))
    random_edits(np.random.default_rng(0), edits, policy.least, policy.most)  # refuses a count that cannot be drawn
    return edits


def draw(policy: Policy, rng: np.random.Generator, catalogue: Mapping[str, Edit]) -> tuple[str, ...]:
    """Names of the edits of one view, in the order in which to apply them.

    Raises:
        InputError: `catalogue` has fewer kinds of this policy's edits than it may draw.
    """
    return random_edits(rng, policy.among(catalogue), policy.least, policy.most)
