"""The branch "crop": images that were pasted into queries, cut out and looked up as queries of their own."""

from collections.abc import Sequence

from imgfp.pipeline.branches.branch import Proposed
from imgfp.pipeline.branches.lookup import Lookup
from imgfp.records import Evidence, Pairs

NO_PAIRS: list[tuple[str, str, float]] = []


class CropBranch:
    """See the module. Its candidates are compared with the crops that voted for them."""

    compares_whole = False

    def candidates(self, lookup: Lookup) -> Proposed:
        """See `Branch`. The score is the weight of votes."""
        return Proposed(lookup.crops.voted.of_queries(self._voted(lookup)))

    def evidence(self, lookup: Lookup) -> Sequence[Evidence]:
        """See `Branch`. Boxes are in the whole query."""
        crops = lookup.crops.voted
        if crops.features is None:
            return []
        pairs = sorted(self._voted(lookup).id_pairs())
        return [
            crops.in_query(item) for item in lookup.compare(pairs, crops.features, "crop match scores", "crop_scores")
        ]

    def _voted(self, lookup: Lookup) -> Pairs:
        features = lookup.crops.voted.features
        return Pairs.of(NO_PAIRS) if features is None else lookup.vote(features, "crop candidates")
