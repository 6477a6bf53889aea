"""Evidence as plain JSON and back."""

import json
import math
from dataclasses import fields

from hypothesis import given
from hypothesis import strategies as st

from imgfp.files import canonical_json
from imgfp.records import Evidence

number = st.floats(allow_infinity=False)
evidence = st.builds(
    Evidence,
    st.text(),
    st.text(),
    st.floats(0, 1e6),
    st.integers(0, 10_000),
    st.integers(0, 10_000),
    st.booleans(),
    st.booleans(),
    *[st.floats(0, 1)] * 2,
    *[st.floats(1e-3, 1e3)] * 2,
    *[number] * 4,
)


def same(a: object, b: object) -> bool:
    both = isinstance(a, float) and isinstance(b, float) and math.isnan(a) and math.isnan(b)
    return both or (type(a) is type(b) and a == b)


@given(evidence)
def test_a_row_of_json_gives_the_evidence_back(item: Evidence) -> None:
    read = Evidence.of(json.loads(canonical_json(item.row())))
    assert all(same(getattr(read, field.name), getattr(item, field.name)) for field in fields(Evidence))


def test_without_a_model_there_is_no_box_and_a_row_holds_no_nan() -> None:
    bare = Evidence("q", "r", 3.0, 3, 9)
    assert bare.box is None
    assert bare.row() == ["q", "r", 3.0, 3, 9, False, False, 0.0, 0.0, 1.0, 1.0, None, None, None, None, ""]
    placed = Evidence("q", "r", 3.0, 3, 9, left=0.0, top=0.25, right=0.5, bottom=1.0)
    assert placed.box == (0.0, 0.25, 0.5, 1.0)
