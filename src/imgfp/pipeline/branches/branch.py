"""What a branch is: candidates for each query, and the evidence that it gathers itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from imgfp.pipeline.branches.lookup import Lookup
from imgfp.records import Evidence, Pairs


@dataclass(frozen=True)
class Proposed:
    """The candidates of one branch. `without_crops`: what they would be without the crop branch, where that differs."""

    pairs: Pairs
    without_crops: Pairs | None = None


class Branch(Protocol):
    """One way to propose references.

    `compares_whole`: its candidates are compared with whole queries, once for all branches together.
    """

    compares_whole: bool

    def candidates(self, lookup: Lookup) -> Proposed:
        """The references that each query may have been made from, with a score."""
        ...

    def evidence(self, lookup: Lookup) -> Sequence[Evidence]:
        """What the branch has compared itself, such as parts of queries."""
        ...


class WholeQueries:
    """A branch whose candidates are compared with whole queries: it gathers no evidence of its own."""

    compares_whole = True

    def evidence(self, lookup: Lookup) -> Sequence[Evidence]:
        """See `Branch`."""
        return ()
