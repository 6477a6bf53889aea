"""Which index kind a collection gets."""

import pytest

from imgfp.errors import InputError
from imgfp.local.index.index_config import EXACT_LIMIT, IndexConfig, choose, lists_for


@pytest.mark.parametrize(
    ("descriptors", "memory_mb", "kind"),
    [
        (0, None, "exact"),
        (EXACT_LIMIT, 1, "exact"),
        (10_000_000, 1320, "ivf_sq8"),
        (10_000_000, 1319, "ivf_pq24"),
        (10_000_000, 280, "ivf_pq24"),
        (10_000_000, 279, "ivf_pq16"),
        (10_000_000, 200, "ivf_pq16"),
    ],
)
def test_the_most_accurate_kind_that_fits(descriptors: int, memory_mb: int | None, kind: str) -> None:
    choice = choose(IndexConfig(memory_mb=memory_mb), descriptors)
    assert choice.kind.name == kind
    told = "searched exhaustively" if kind == "exact" else f"the most accurate below {memory_mb:,} MB"
    assert told in choice.why


def test_none_fits() -> None:
    with pytest.raises(
        InputError, match=r"^index.memory_mb=199: 10,000,000 descriptors need at least 200 MB: raise it"
    ):
        choose(IndexConfig(memory_mb=199), 10_000_000)


@pytest.mark.parametrize(("kind", "instead"), [("ivf_rabitq", "ivf_pq24"), ("fast_scan", "ivf_pq16")])
def test_a_removed_kind_is_refused_with_its_replacement(kind: str, instead: str) -> None:
    with pytest.raises(InputError, match=rf"^index.kind='{kind}' was removed: use {instead}$"):
        IndexConfig(kind=kind)


def test_lists_grow_with_the_root_of_the_size() -> None:
    assert [lists_for(size) for size in (0, 1, 1_000, 1_000_000, 10_000_000)] == [2, 2, 64, 2048, 8192]
