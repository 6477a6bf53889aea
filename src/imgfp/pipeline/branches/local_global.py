"""The branches "local" (keypoints that vote) and "global" (the most similar descriptors), of whole queries."""

import numpy as np

from imgfp.pipeline.branches.branch import Proposed, WholeQueries
from imgfp.pipeline.branches.crops import each_once
from imgfp.pipeline.branches.lookup import Lookup


class LocalBranch(WholeQueries):
    """References that a query's keypoints vote for."""

    def candidates(self, lookup: Lookup) -> Proposed:
        """See `Branch`. The score is the weight of votes."""
        return Proposed(lookup.vote(lookup.query_features, "local candidates"))


class GlobalBranch(WholeQueries):
    """References whose descriptors are most similar, to whole queries and to their crops."""

    def candidates(self, lookup: Lookup) -> Proposed:
        """See `Branch`. The score is the (normalised) similarity."""
        whole = lookup.similar(lookup.queries, "query", "query descriptors", "global candidates")
        if "crop" not in lookup.run.branches:
            return Proposed(whole)
        crops = lookup.crops.described
        if not crops.crops:
            return Proposed(whole, whole)
        found = crops.of_queries(lookup.similar(crops.images, "crop", "crop descriptors", "global crop candidates"))
        kept = whole
        if lookup.run.preset.crop.rules == "imgfp":  # the crop takes the query's place
            kept = whole.take(~np.isin(whole.query_ids, found.query_ids))
        return Proposed(each_once([kept, found]), whole)
