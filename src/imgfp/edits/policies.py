"""Policies: which edits are applied to a training view, and how many."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from imgfp.edits.catalogue import augly_catalogue, catalogue
from imgfp.edits.edit import Edit, plain_name, random_edits
from imgfp.errors import InputError


@dataclass(frozen=True)
class Policy:
    """How the edits of a view are drawn: `least` to `most` edits, all equally likely, no two of one kind.

    Attributes:
        names: The edits to draw from, each with its AugLy counterpart if the catalogue has it; None: all.
    """

    name: str
    least: int
    most: int
    names: tuple[str, ...] | None = None

    def among(self, catalogue: Mapping[str, Edit]) -> dict[str, Edit]:
        """The edits of `catalogue` that this policy draws from."""
        return {name: edit for name, edit in catalogue.items() if self.names is None or plain_name(name) in self.names}


# What happens when an image is saved, sent and displayed: no overlays, no large rotations.
_WEAK = (
    *("blur", "brightness", "colour_jitter", "contrast", "grayscale", "jpeg", "noise", "saturation", "sharpen"),
    *("aspect", "crop", "hflip", "pad", "pad_square", "pixelize", "scale"),
)
# "strong" follows the training of imgFp (third in the challenge's matching track): 1 to 3 of about 30 edits.
POLICIES = {policy.name: policy for policy in (Policy("weak", 1, 2, _WEAK), Policy("strong", 1, 3))}


@dataclass(frozen=True)
class EditsConfig:
    """The edits used in training.

    Attributes:
        policy: A key of POLICIES.
        least: Minimum number of edits per view; None: the policy's.
        most: Maximum number of edits per view; None: the policy's.
        augly: Also draw from AugLy's edits (slower: see benchmarks/edits.py).

    Raises:
        InputError: unknown policy, or `least` and `most` are not a valid range.
    """

    policy: str = "strong"
    least: int | None = None
    most: int | None = None
    augly: bool = False

    def __post_init__(self) -> None:
        if self.policy not in POLICIES:
            near = difflib.get_close_matches(self.policy, POLICIES, n=1, cutoff=0.0)
            raise InputError(f"unknown edit policy '{self.policy}': did you mean '{near[0]}'?")
        drawn = self.drawn
        if not 0 <= drawn.least <= drawn.most:
            raise InputError(f"least={drawn.least}, most={drawn.most}: must be 0 <= least <= most")

    @property
    def drawn(self) -> Policy:
        """The policy with the counts of this configuration."""
        policy = POLICIES[self.policy]
        least = policy.least if self.least is None else self.least
        return replace(policy, least=least, most=policy.most if self.most is None else self.most)


def create_edits(config: EditsConfig, pool: Sequence[np.ndarray]) -> dict[str, Edit]:
    """The edits that `config` draws from, sorted by name.

    Args:
        pool: Other photographs, as for `catalogue`.

    Raises:
        InputError: the pool is empty, AugLy is requested but not installed, or there are fewer kinds of edits than
            `config` draws per view.
    """
    edits = catalogue(pool)
    if config.augly:
        others = augly_catalogue(pool)
        if not others:
            raise InputError('augly=true, but AugLy is not installed: run pip install "imgfp[demo]" or set augly=false')
        edits |= others
    policy = config.drawn
    edits = dict(sorted(policy.among(edits).items()))
    random_edits(np.random.default_rng(0), edits, policy.least, policy.most)  # raises if the counts cannot be drawn
    return edits


def draw(policy: Policy, rng: np.random.Generator, catalogue: Mapping[str, Edit]) -> tuple[str, ...]:
    """Draws the names of the edits of one view, in the order of application.

    Raises:
        InputError: `catalogue` has fewer kinds of this policy's edits than it may draw.
    """
    return random_edits(rng, policy.among(catalogue), policy.least, policy.most)
