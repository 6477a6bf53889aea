"""Index kinds for local descriptors: what each costs, and which one a collection gets."""

import math
import os
from dataclasses import dataclass

from imgfp.errors import InputError


@dataclass(frozen=True)
class Kind:
    """How an index stores descriptors. `disk`, `memory`: bytes per descriptor, including 4 bytes for the image it belongs to."""

    name: str
    disk: int
    memory: int
    what: str


# most accurate first
KINDS = {
    kind.name: kind
    for kind in (
        Kind("exact", 128, 0, "exhaustive search"),
        Kind("ivf_sq8", 132, 132, "inverted lists, uncompressed descriptors"),
        Kind("ivf_pq24", 28, 28, "inverted lists, product quantisation to 24 bytes"),
        Kind("ivf_pq16", 20, 20, "inverted lists, product quantisation to 16 bytes"),
    )
}
REMOVED = {"ivf_rabitq": "ivf_pq24", "fast_scan": "ivf_pq16"}  # kinds of earlier versions, and what replaces each
CHOICES = ("auto", *KINDS)
DEVICES = ("auto", "cpu", "gpu")
EXACT_LIMIT = 2_000_000  # descriptors up to which `auto` searches exhaustively
PROBES = 16


@dataclass(frozen=True)
class IndexConfig:
    """How the descriptors of references are stored and searched.

    Raises:
        InputError: a kind that was removed.
    """

    kind: str = "auto"  # auto, exact, ivf_sq8, ivf_pq24, ivf_pq16
    memory_mb: int | None = None  # auto: memory limit of the index; None: half of the machine's memory
    nprobe: int = PROBES  # inverted lists searched per query descriptor
    device: str = "auto"  # auto: a GPU where there is one

    def __post_init__(self) -> None:
        if self.kind in REMOVED:
            raise InputError(f"index.kind={self.kind!r} was removed: use {REMOVED[self.kind]}")


@dataclass(frozen=True)
class Choice:
    """The kind for a collection, and the reason in words."""

    kind: Kind
    why: str


def choose(config: IndexConfig, descriptors: int) -> Choice:
    """The kind for a collection of `descriptors` descriptors; "auto" takes the most accurate one that is fast and fits into memory.

    Raises:
        InputError: "auto", and no kind fits into the memory limit.
    """
    if config.kind != "auto":
        return Choice(KINDS[config.kind], "requested")
    if descriptors <= EXACT_LIMIT:
        return Choice(KINDS["exact"], f"up to {EXACT_LIMIT:,} descriptors are searched exhaustively")
    limit = config.memory_mb or machine_memory_mb() // 2
    for kind in (KINDS["ivf_sq8"], KINDS["ivf_pq24"], KINDS["ivf_pq16"]):
        if descriptors * kind.memory <= limit * 1e6:
            return Choice(kind, f"the most accurate below {limit:,} MB for more than {EXACT_LIMIT:,} descriptors")
    required = math.ceil(descriptors * KINDS["ivf_pq16"].memory / 1e6)
    raise InputError(
        f"index.memory_mb={limit}: {descriptors:,} descriptors need at least {required:,} MB: raise it, or set index.kind=exact"
    )


def lists_for(descriptors: int) -> int:
    """Number of inverted lists for a collection: the power of two nearest to twice the square root of its size."""
    return 2 ** max(0, round(math.log2(2 * math.sqrt(max(1, descriptors)))))


def machine_memory_mb() -> int:
    """Physical memory of this machine in MB; 8,000 where the system does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 1_000_000
    except (AttributeError, ValueError, OSError):
        return 8_000
