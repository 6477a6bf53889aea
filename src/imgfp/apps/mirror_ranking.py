"""The ranking that evaluate/mirror.py makes and judges where no existing result is given."""

from imgfp.apps.schemas import MirrorApp
from imgfp.datasets.matchable_set import MatchableSet
from imgfp.errors import InputError
from imgfp.records.match_pairs import MatchPairs


def ranking_of(settings: MirrorApp, images: MatchableSet) -> MatchPairs:
    """Ranks the database of a benchmark for each of its queries, best first."""
    raise InputError(f"give match_pairs=FILE, the result to judge on {images.name} ({settings.data.root})")
