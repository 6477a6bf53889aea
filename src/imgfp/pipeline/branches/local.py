"""The branch "local": references that a query's keypoints vote for."""

from imgfp.pipeline.branches.branch import Proposed, WholeQueries
from imgfp.pipeline.branches.lookup import Lookup


class LocalBranch(WholeQueries):
    """See the module."""

    def candidates(self, lookup: Lookup) -> Proposed:
        """See `Branch`. The score is the weight of votes."""
        return Proposed(lookup.vote(lookup.query_features, "local candidates"))
