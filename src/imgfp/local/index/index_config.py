"""The kinds of descriptor index, what they cost, and which one a collection gets."""

import math
import os
from dataclasses import dataclass

from imgfp.errors import InputError


@dataclass(frozen=True)
class Kind:
    """A way to keep descriptors. `disk`, `memory`: bytes a descriptor, its int32 (fast scan in memory: and an 8-byte number) owner included."""

    name: str
    disk: int
    memory: int
    what: str


# by accuracy, the best first
KINDS = {
    kind.name: kind
    for kind in (
        Kind("exact", 128, 0, "every descriptor compared"),
        Kind("ivf_sq8", 132, 132, "nearest lists only, descriptors as they are"),
        Kind("ivf_pq24", 28, 28, "nearest lists only, 24 bytes by product quantisation"),
        Kind("ivf_rabitq", 28, 28, "nearest lists only, one bit a dimension"),
        Kind("ivf_pq16", 20, 20, "nearest lists only, 16 bytes by product quantisation"),
        Kind("fast_scan", 20, 28, "nearest lists only, 32 half-bytes by product quantisation, compared in registers"),
    )
}
CHOICES = ("auto", *KINDS)
DEVICES = ("auto", "cpu", "gpu")
EXACT_LIMIT = 2_000_000  # descriptors up to which `auto` compares with every one
PROBES = 16


@dataclass(frozen=True)
class IndexConfig:
    """How the descriptors of references are kept and searched."""

    kind: str = "auto"  # auto, exact, ivf_sq8, ivf_pq24, ivf_rabitq, ivf_pq16, fast_scan
    memory_mb: int | None = None  # auto: what the index may take; None: half of the machine's memory
    nprobe: int = PROBES  # lists that a query descriptor is compared with
    device: str = "auto"  # auto: a GPU where there is one


@dataclass(frozen=True)
class Choice:
    """The kind for a collection, and why, in words."""

    kind: Kind
    why: str


def choose(config: IndexConfig, descriptors: int) -> Choice:
    """The kind that `config` gives a collection of so many descriptors: with `auto` the most accurate that is fast and fits.

    Raises:
        InputError: `auto`, and no kind fits the memory limit.
    """
    if config.kind != "auto":
        return Choice(KINDS[config.kind], "asked for")
    if descriptors <= EXACT_LIMIT:
        return Choice(KINDS["exact"], f"up to {EXACT_LIMIT:,} descriptors are compared one by one")
    limit = config.memory_mb or machine_memory_mb() // 2
    for kind in (KINDS["ivf_sq8"], KINDS["ivf_pq24"], KINDS["ivf_pq16"]):
        if descriptors * kind.memory <= limit * 1e6:
            return Choice(kind, f"the most accurate below {limit:,} MB for more than {EXACT_LIMIT:,} descriptors")
    least = math.ceil(descriptors * KINDS["ivf_pq16"].memory / 1e6)
    raise InputError(
        f"index.memory_mb={limit}: {descriptors:,} descriptors need at least {least:,} MB: raise it, or give index.kind=exact"
    )


def lists_for(descriptors: int) -> int:
    """How many lists a collection is divided into: the power of two nearest to twice the square root of its size."""
    return 2 ** max(0, round(math.log2(2 * math.sqrt(max(1, descriptors)))))


def machine_memory_mb() -> int:
    """Physical memory of this machine in MB; 8,000 where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 1_000_000
    except (AttributeError, ValueError, OSError):
        return 8_000
