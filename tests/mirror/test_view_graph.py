"""The view graph against slow definitions: components and bridges by removing each edge."""

import json

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from imgfp.mirror.view_graph import ViewGraph


def graph(count, pairs, inliers=None, scores=None):
    inliers = [20] * len(pairs) if inliers is None else inliers
    scores = [0.5] * len(pairs) if scores is None else scores
    names = tuple(f"{place}.jpg" for place in range(count))
    return ViewGraph(
        names, np.array(pairs, np.int32).reshape(-1, 2), np.array(scores, float), np.array(inliers, np.int64), 15
    )


def reachable(count, edges):
    """The components by repeated merging."""
    parts = [{place} for place in range(count)]
    for a, b in edges:
        joined = [part for part in parts if a in part or b in part]
        parts = [part for part in parts if part not in joined] + [set().union(*joined)]
    return sorted((sorted(part) for part in parts), key=lambda part: (-len(part), part[0]))


@given(st.integers(1, 9), st.sets(st.tuples(st.integers(0, 8), st.integers(0, 8)), max_size=14))
@settings(deadline=None, max_examples=100)
def test_components_and_bridges(count, drawn):
    edges = sorted({(min(pair), max(pair)) for pair in drawn if pair[0] != pair[1] and max(pair) < count})
    found = graph(count, edges)
    parts = reachable(count, edges)
    assert found.components == parts
    cut = {}
    for row in range(len(edges)):
        without = reachable(count, edges[:row] + edges[row + 1 :])
        if len(without) > len(parts):
            cut[row] = min(len(part) for part in without if set(edges[row]) & set(part))
    assert {bridge.edge: bridge.cuts_off for bridge in found.bridges} == cut


def test_facts_of_a_small_graph():
    """Two triangles joined by one pair, a photograph with a single verified pair, an isolated one, and a look-alike."""
    pairs = [(0, 1), (0, 2), (1, 2), (3, 4), (3, 5), (4, 5), (2, 3), (5, 6), (0, 7)]
    found = graph(8, pairs, [90, 90, 90, 90, 90, 90, 16, 40, 14], [0.5] * 8 + [0.9])
    facts = json.loads(json.dumps(found.facts()))
    assert facts["bridges"] == [
        {"pair": ["2.jpg", "3.jpg"], "inliers": 16, "cuts_off": 3},
        {"pair": ["5.jpg", "6.jpg"], "inliers": 40, "cuts_off": 1},
    ]
    assert facts["single_verified_pair"] == ["6.jpg"]
    assert facts["isolated"] == ["7.jpg"]
    assert facts["lookalikes"] == [["0.jpg", "7.jpg", 0.9]]
    assert [len(part) for part in facts["components"]] == [7, 1]
    assert facts["verified"] == 8
    assert "8 verified pairs of 9 tested; 7 of 8 photographs in the largest of 2 components" in found.summary
    assert graph(3, [(0, 1)], [3]).summary == "no pair of 3 photographs was verified: 1 pairs were tested"
